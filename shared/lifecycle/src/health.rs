//! What a process says of its own condition.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt, join_all};
use tokio::{sync::watch, time::timeout};

/// A check that takes longer than this has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// Where a process stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet ready for requests.
    Starting,
    /// Ready for requests.
    Ready,
    /// On its way out; it still answers, but wants no new clients.
    Draining,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
        })
    }
}

/// What a check has to say.
type Finding = Result<String, String>;

type Check = Arc<dyn Fn() -> BoxFuture<'static, Finding> + Send + Sync>;

/// The condition of a process, shared by whoever changes it and whoever asks.
#[derive(Clone)]
pub struct Health {
    state: watch::Sender<State>,
    checks: Arc<Mutex<BTreeMap<String, Check>>>,
}

impl Default for Health {
    fn default() -> Self {
        Self { state: watch::Sender::new(State::Starting), checks: Arc::default() }
    }
}

impl Health {
    /// Where the process stands.
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Moves on to another state.
    pub fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    /// Adds a check to the verbose report. It informs: its failure does not make the process unready, or a trouble
    /// of the database would take every replica out at once.
    pub fn check<F, E>(&self, name: &str, check: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        self.describe(name, move || {
            let outcome = check();
            async move { outcome.await.map(|()| "ok".to_owned()).map_err(|error| error.to_string()) }
        });
    }

    /// Adds what `describe` says, a line or several, to the verbose report; an error is a check's that fails.
    pub fn describe<F>(&self, name: &str, describe: impl Fn() -> F + Send + Sync + 'static)
    where
        F: Future<Output = Result<String, String>> + Send + 'static,
    {
        let check: Check = Arc::new(move || describe().boxed());
        self.checks.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), check);
    }

    /// The outcome of every check, by name.
    pub(crate) async fn report(&self) -> Vec<(String, Finding)> {
        let checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let outcomes = checks.into_iter().map(|(name, check)| async move {
            let outcome = timeout(CHECK_TIMEOUT, check()).await;
            (name, outcome.unwrap_or_else(|_| Err("no answer within a second".to_owned())))
        });
        join_all(outcomes).await
    }
}
