//! Those of a service who handle events: each event in a transaction in which the inbox remembers it.

mod handling;

use std::sync::Arc;

use database::{Failure, Pool, Transaction};
use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use self::handling::Handling;
use crate::{Bus, Envelope, Event, Message, Outbox};

/// So many events of one kind are handled at a time, so that none waits long for one that is slow.
pub(crate) const AT_ONCE: usize = 4;

/// Does what follows from events of one kind.
pub trait Handle<M>: Send + Sync + 'static {
    /// Does it in this transaction, in which the inbox remembers the event, and never by a call to anybody else.
    ///
    /// Errors: the transaction is undone, and the event comes again.
    fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Event<M>,
    ) -> impl Future<Output = Result<(), HandlingError>> + Send;

    /// The transaction is committed: whoever works on what it has written can be woken.
    fn handled(&self, _: &Event<M>) {}
}

/// Why an event was not handled.
#[derive(Debug, thiserror::Error)]
pub enum HandlingError {
    /// Something that is needed is away: the event comes again until it is back.
    #[error("something that is needed is away")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The event cannot be handled: after some tries it is set aside, with the dead letters.
    #[error("the event cannot be handled")]
    Defect(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<sqlx::Error> for HandlingError {
    fn from(error: sqlx::Error) -> Self {
        match Failure::from(&error) {
            Failure::Unavailable | Failure::TimedOut => Self::Away(error.into()),
            Failure::Defect => Self::Defect(error.into()),
        }
    }
}

/// The consumers of a service, which is a group: each event is for one of its instances.
pub struct Consumers {
    group: &'static str,
    pool: Pool,
    bus: Bus,
    outbox: Outbox,
    /// One for each event of any kind that is handled: half of the pool, so that there are connections left for requests.
    places: Arc<Semaphore>,
    consumers: Vec<Arc<dyn Consumer>>,
}

impl Consumers {
    /// None yet. `outbox` is the service's own: its relay is woken after each event, since handlers tell events too.
    pub fn new(group: &'static str, pool: &Pool, bus: &Bus, outbox: &Outbox) -> Self {
        let (pool, places) = (pool.clone(), Arc::new(Semaphore::new((pool.max() / 2).max(1))));
        Self { group, pool, bus: bus.clone(), outbox: outbox.clone(), places, consumers: Vec::new() }
    }

    /// One that handles events of this kind; four at a time, as far as those of other kinds leave room in half of the pool.
    pub fn with<M: Message>(mut self, handler: impl Handle<M>) -> Self {
        let handling = Handling::new(&self, handler);
        self.consumers.push(Arc::new(handling));
        self
    }

    /// Handles events until `shutdown`, then finishes those that it has begun.
    pub async fn run(self, shutdown: CancellationToken) {
        self.bus.consume(self.consumers, shutdown).await;
    }
}

/// A group's consumer of one kind of events, as a bus sees it.
pub(crate) trait Consumer: Send + Sync + 'static {
    fn group(&self) -> &'static str;

    /// Such as `orders.v1.OrderPlaced`.
    fn kind(&self) -> &str;

    /// Handles an event, all of it: if it has succeeded the effect is committed, and has happened once.
    fn consume<'a>(&'a self, envelope: &'a Envelope) -> BoxFuture<'a, Result<(), HandlingError>>;
}
