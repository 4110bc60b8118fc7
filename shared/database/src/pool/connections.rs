//! The connections of a pool: those that are idle, those who wait for one, and those that are on their way.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use deadpool::unmanaged::{self, Object};
use futures::future::OptionFuture;
use sqlx::{Connection as _, Error, PgConnection, postgres::PgConnectOptions};
use tokio::{runtime::Handle, select, sync::oneshot};
use tokio_util::task::{TaskTracker, task_tracker::TaskTrackerToken};

use super::{
    lent::{Kept, Lent},
    opening::Opening,
};

pub(super) struct Connections {
    idle: unmanaged::Pool<Kept>,
    options: PgConnectOptions,
    max: usize,
    /// A token for each connection, idle, used or on its way.
    all: TaskTracker,
    need: Mutex<Need>,
    cuts: AtomicUsize,
}

/// How many connections are wanted, and how many are on their way.
#[derive(Default)]
struct Need {
    waiting: usize,
    opening: usize,
}

/// How many there are.
pub(super) struct Counts {
    pub idle: usize,
    pub used: usize,
    pub max: usize,
}

impl Connections {
    pub fn new(options: PgConnectOptions, max: u32) -> Self {
        let max = max as usize;
        let (all, need, cuts) = (TaskTracker::new(), Mutex::default(), AtomicUsize::default());
        Self { idle: unmanaged::Pool::new(max), options, max, all, need, cuts }
    }

    pub fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    pub fn max(&self) -> usize {
        self.max
    }

    /// `None` once the pool is closed.
    pub fn counts(&self) -> Option<Counts> {
        let idle = self.idle.status().available.min(self.all.len());
        (!self.idle.is_closed()).then(|| Counts { idle, used: self.all.len() - idle, max: self.max })
    }

    /// One that can be used, whether it has come back or was opened: whichever is first. There is no limit to the wait.
    pub async fn take(self: &Arc<Self>) -> Result<Lent, Error> {
        loop {
            let mut lent = self.next().await?;
            if lent.is_fit().await {
                return Ok(lent);
            }
        }
    }

    async fn next(self: &Arc<Self>) -> Result<Lent, Error> {
        let lent = |kept| Lent::new(kept, self.clone());
        if let Ok(kept) = self.idle.try_get() {
            return Ok(lent(kept));
        }
        let _waiting = Waiting::begin(self);
        let refusal = OptionFuture::from(self.open_one());
        select! {
            kept = self.idle.get() => kept.map(lent).map_err(|_| Error::PoolClosed),
            Some(Ok(error)) = refusal => Err(error),
        }
    }

    /// Opens one, if there are fewer on their way than wanted and room for it. Who has asked for it hears of a refusal.
    pub fn open_one(self: &Arc<Self>) -> Option<oneshot::Receiver<Error>> {
        let runtime = Handle::try_current().ok()?;
        let mut need = self.need();
        if need.opening >= need.waiting || self.all.len() >= self.max || self.idle.is_closed() {
            return None;
        }
        need.opening += 1;
        let token = self.all.token();
        drop(need);
        let opening = Opening { connections: self.clone(), runtime: runtime.clone() };
        let (refused, refusal) = oneshot::channel();
        runtime.spawn_blocking(move || {
            if let Err(error) = opening.run(token) {
                // Nobody may be left to hear it.
                let _ = refused.send(error);
            }
        });
        Some(refusal)
    }

    /// One that was opened. It is idle until somebody takes it, who may have given up since.
    pub fn add(&self, raw: PgConnection, token: TaskTrackerToken) {
        // There is room, or the pool is closed: then nobody needs it.
        let _ = self.idle.try_add(Kept::new(raw, self.cuts(), token));
    }

    /// The first one.
    pub fn begin_with(&self, raw: PgConnection) {
        self.add(raw, self.all.token());
    }

    /// There was nobody at its other end: that may be so for all that are idle.
    pub fn cut(self: &Arc<Self>, kept: Object<Kept>) {
        self.cuts.fetch_add(1, Ordering::Relaxed);
        self.discard(kept);
    }

    /// Makes room for another one.
    pub fn discard(self: &Arc<Self>, kept: Object<Kept>) {
        drop(Object::take(kept));
        drop(self.open_one());
    }

    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::Relaxed)
    }

    pub fn is_waited_for(&self) -> bool {
        self.need().waiting > 0 && !self.idle.is_closed()
    }

    pub fn opening_is_over(&self) {
        self.need().opening -= 1;
    }

    pub async fn close(&self) {
        while let Ok(kept) = self.idle.try_remove() {
            // Who has hung up already needs no farewell.
            let _ = kept.into_raw().close().await;
        }
        self.idle.close();
        self.all.close();
        self.all.wait().await;
    }

    fn need(&self) -> MutexGuard<'_, Need> {
        self.need.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits, until he has got one or given up.
struct Waiting<'a>(&'a Connections);

impl<'a> Waiting<'a> {
    fn begin(connections: &'a Connections) -> Self {
        connections.need().waiting += 1;
        Self(connections)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.need().waiting -= 1;
    }
}
