//! A connection that somebody uses, and in which state it comes back.

use std::{sync::Arc, time::Duration};

use deadpool::unmanaged::Object;
use sqlx::{Connection, Error, Executor, PgConnection};
use tokio::{
    runtime::Handle,
    time::{Instant, timeout},
};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::connections::Connections;
use crate::Failure;

/// One that was idle for longer is asked whether it is still there; under load nobody is.
const FRESH: Duration = Duration::from_secs(1);

/// So that neither what the server remembers for a connection grows for ever, nor an address is kept that has changed.
const LONGEST_LIFE: Duration = Duration::from_secs(30 * 60);

/// What a statement that nobody waits for any more may take before its connection is cut: longer than the limit that
/// statements have by default.
const SETTLING_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection of the pool.
pub(super) struct Kept {
    raw: PgConnection,
    standing: Standing,
    opened: Instant,
    used: Instant,
    /// How many had been cut when this one was last known to be there.
    cuts: usize,
    /// One place of the pool.
    _token: TaskTrackerToken,
}

/// In which state it is.
#[derive(Clone, Copy, Default)]
struct Standing {
    /// A statement has begun, and its end was not heard.
    busy: bool,
    /// A transaction is open.
    within: bool,
    /// There is nobody at the other end.
    cut: bool,
}

impl Kept {
    pub fn new(raw: PgConnection, cuts: usize, token: TaskTrackerToken) -> Self {
        let now = Instant::now();
        Self { raw, standing: Standing::default(), opened: now, used: now, cuts, _token: token }
    }

    pub fn into_raw(self) -> PgConnection {
        self.raw
    }

    /// Hears the end of its statement, and undoes its transaction.
    async fn settle(&mut self) -> Result<(), Error> {
        match self.standing.within {
            true => self.raw.execute("rollback").await.map(drop),
            false => self.raw.ping().await,
        }
    }
}

/// A connection that is somebody's until it is dropped.
pub(crate) struct Lent {
    kept: Option<Object<Kept>>,
    connections: Arc<Connections>,
}

/// A statement under way: it was cut short unless somebody says how it has ended.
pub(crate) struct Use<'a>(&'a mut Standing);

impl Lent {
    pub(super) fn new(kept: Object<Kept>, connections: Arc<Connections>) -> Self {
        Self { kept: Some(kept), connections }
    }

    /// Begins a statement.
    pub fn begin(&mut self) -> (&mut PgConnection, Use<'_>) {
        let Kept { raw, standing, .. } = &mut **self.kept.as_mut().expect("it is taken by its drop alone");
        standing.busy = true;
        (raw, Use(standing))
    }

    /// Whether what follows belongs to a transaction, to be undone if it is dropped.
    pub fn within(&mut self, within: bool) {
        self.kept.as_mut().expect("it is taken by its drop alone").standing.within = within;
    }

    /// Whether it can be used. It is not asked if it was there a moment ago, unless another one has been cut since.
    pub(super) async fn is_fit(&mut self) -> bool {
        let kept = self.kept.as_ref().expect("it is taken by its drop alone");
        if kept.used.elapsed() < FRESH && kept.cuts == self.connections.cuts() {
            return true;
        }
        let (raw, under_way) = self.begin();
        let answer = raw.ping().await;
        let is_there = answer.is_ok();
        under_way.end(answer.as_ref().err());
        is_there
    }
}

impl Use<'_> {
    /// It has ended so.
    pub fn end(self, error: Option<&Error>) {
        // What PostgreSQL says is the end of a statement; after anything else there may be more to hear.
        self.0.busy = !matches!(error, None | Some(Error::Database(_)));
        self.0.cut |= error.is_some_and(|error| Failure::from(error) == Failure::Unavailable);
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(kept) = self.kept.take() else { return };
        let Standing { busy, within, cut } = kept.standing;
        let connections = self.connections.clone();
        match Handle::try_current() {
            _ if cut => connections.cut(kept),
            _ if !busy && !within => give_back(kept, &connections),
            Ok(runtime) => drop(runtime.spawn(settle(kept, connections))),
            Err(_) => connections.discard(kept),
        }
    }
}

/// Whoever is next must not wait for what is left of somebody else's work, and not be mistaken for its part.
async fn settle(mut kept: Object<Kept>, connections: Arc<Connections>) {
    match timeout(SETTLING_TIMEOUT, kept.settle()).await {
        Ok(Ok(())) => {
            kept.standing = Standing::default();
            give_back(kept, &connections);
        }
        Ok(Err(_)) => connections.cut(kept),
        Err(_) => connections.discard(kept),
    }
}

fn give_back(mut kept: Object<Kept>, connections: &Arc<Connections>) {
    if kept.opened.elapsed() > LONGEST_LIFE {
        return connections.discard(kept);
    }
    kept.used = Instant::now();
    kept.cuts = connections.cuts();
}
