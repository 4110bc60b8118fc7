//! The bus: NATS JetStream, or the process itself for `cargo up`.

mod in_process;
pub(crate) mod nats;

use std::{fmt, future::pending, sync::Arc};

use futures::{
    StreamExt,
    future::join_all,
    stream::{BoxStream, Stream},
};
use tokio_util::sync::CancellationToken;

use self::{in_process::InProcess, nats::Nats};
use crate::{Config, Envelope, consumers::Consumer};

/// Where events are published. Copies share it.
#[derive(Clone, Debug)]
pub struct Bus {
    carrier: Carrier,
}

#[derive(Clone, Debug)]
enum Carrier {
    Nats(Box<Nats>),
    InProcess(InProcess),
}

/// Why an event was not published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Nothing can be published now.
    #[error("the bus is away: {0}")]
    Away(String),
    /// The bus does not want this very event.
    #[error("the bus refuses it: {0}")]
    Refused(String),
}

impl Bus {
    /// The NATS server that is set, for an instance of `service`. It need not be there yet: what is published before is
    /// kept in the outbox.
    ///
    /// Errors: the settings make no sense.
    pub async fn connect(config: &Config, service: &'static str) -> anyhow::Result<Self> {
        Ok(Self { carrier: Carrier::Nats(Box::new(Nats::connect(config, service).await?)) })
    }

    /// The process itself. An event is published once every group that wants it has handled it, so that the outboxes are
    /// all the memory it needs; nothing is published before each of `groups` has consumers that run.
    pub fn in_process(groups: &[&'static str]) -> Self {
        Self { carrier: Carrier::InProcess(InProcess::new(groups)) }
    }

    /// Publishes these, in this order; returns an answer for each. Whoever has an [`Outbox`](crate::Outbox) leaves that to
    /// it.
    pub async fn publish(&self, events: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        match &self.carrier {
            Carrier::Nats(nats) => nats.publish(events).await,
            Carrier::InProcess(in_process) => in_process.publish(events).await,
        }
    }

    /// Hears of the events of one package, such as `orders.v1`, from now on: every listener of every instance does, with
    /// no memory at all. For what looks again by itself, a little later.
    pub fn listen(&self, package: &str) -> Listener {
        match &self.carrier {
            Carrier::Nats(nats) => Listener::to(nats.listen(package)),
            Carrier::InProcess(in_process) => Listener::to(in_process.listen(package)),
        }
    }

    /// Whether it answers, for the verbose report.
    pub fn report(&self) -> Result<String, String> {
        match &self.carrier {
            Carrier::Nats(nats) => nats.report(),
            Carrier::InProcess(in_process) => in_process.report(),
        }
    }

    /// The NATS that it is, unless it is the process itself.
    pub(crate) fn nats(&self) -> Option<&Nats> {
        match &self.carrier {
            Carrier::Nats(nats) => Some(nats),
            Carrier::InProcess(_) => None,
        }
    }

    /// Hands events to these consumers of one group until `shutdown`, then waits for those that it has handed over.
    pub(crate) async fn consume(&self, consumers: Vec<Arc<dyn Consumer>>, shutdown: CancellationToken) {
        match &self.carrier {
            Carrier::Nats(nats) => {
                join_all(consumers.into_iter().map(|consumer| nats.consume(consumer, shutdown.clone()))).await;
            }
            Carrier::InProcess(in_process) => in_process.consume(consumers, shutdown).await,
        }
    }
}

/// An ear on the bus.
pub struct Listener {
    heard: BoxStream<'static, Option<Envelope>>,
}

impl Listener {
    fn to(heard: impl Stream<Item = Option<Envelope>> + Send + 'static) -> Self {
        Self { heard: heard.boxed() }
    }

    /// The next event, or `None` for events that were missed; waits while the bus is away.
    pub async fn next(&mut self) -> Option<Envelope> {
        match self.heard.next().await {
            Some(heard) => heard,
            None => pending().await,
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").finish_non_exhaustive()
    }
}
