//! One instance as its callers see it: its connection, its load, its record of failures.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use discovery::Instance;
use tokio::time::{Instant, sleep};

use super::{balancer::Balancer, connection::Connection, load::Load};

/// So many failures one after the other, and an instance is ejected.
const FAILURES: u32 = 5;

/// How long an instance is ejected for the first time; each time after that twice as long, …
const FIRST_EJECTION: Duration = Duration::from_secs(1);

/// … but no longer than this.
const LONGEST_EJECTION: Duration = Duration::from_secs(30);

/// How long an address that refuses is left alone: at first, …
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// … and at most, so that one that is back is found within a second.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A connection that lived longer than this was a good one.
const GOOD_LIFE: Duration = Duration::from_secs(1);

/// An instance that calls may go to.
pub(crate) struct Endpoint {
    pub instance: Instance,
    pub load: Load,
    state: Mutex<State>,
    /// One after the other.
    failures: AtomicU32,
    /// How often it was ejected since it last did well.
    strikes: AtomicU32,
    calls: AtomicU64,
}

/// Whether it can be called.
#[derive(Clone)]
pub(crate) enum State {
    /// Nobody knows yet.
    Connecting,
    /// It can.
    Up(Arc<Connection>),
    /// It cannot be connected to.
    Down,
    /// It failed too often, and is left alone for a while.
    Ejected,
}

/// The names of all states.
pub(crate) const STATES: [&str; 4] = ["connecting", "up", "down", "ejected"];

impl State {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Up(_) => "up",
            Self::Down => "down",
            Self::Ejected => "ejected",
        }
    }
}

impl Endpoint {
    pub fn new(instance: Instance) -> Self {
        Self {
            instance,
            load: Load::new(),
            state: Mutex::new(State::Connecting),
            failures: AtomicU32::new(0),
            strikes: AtomicU32::new(0),
            calls: AtomicU64::new(0),
        }
    }

    pub fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, state: State) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Keeps a connection to the instance for as long as this is polled.
    pub async fn keep(&self, balancer: &Balancer) {
        let mut attempts = 0;
        loop {
            match Connection::open(&self.instance.authority, &balancer.connector).await {
                Ok(connection) => {
                    let lived = self.hold(connection, balancer).await;
                    attempts = if lived > GOOD_LIFE { 0 } else { attempts + 1 };
                }
                Err(error) => {
                    if attempts == 0 {
                        tracing::warn!(peer = balancer.peer, instance = self.instance.id, %error, "an instance cannot be reached");
                    }
                    self.set(State::Down);
                    attempts += 1;
                }
            }
            balancer.refresh();
            sleep(self.pause(attempts)).await;
        }
    }

    /// Lets calls use the connection until it ends or is given up; tells how long that was.
    async fn hold(&self, connection: Arc<Connection>, balancer: &Balancer) -> Duration {
        let since = Instant::now();
        self.failures.store(0, Relaxed);
        self.set(State::Up(connection.clone()));
        balancer.refresh();
        tracing::info!(peer = balancer.peer, instance = self.instance.id, "an instance is up");
        connection.over().await;
        // Unless it was given up, its end is news.
        self.leave(&connection, State::Connecting);
        since.elapsed()
    }

    fn pause(&self, attempts: u32) -> Duration {
        let doubled = |first: Duration, times: u32| first.saturating_mul(1 << times.min(16));
        let pause = match (self.state(), attempts) {
            (State::Ejected, _) => {
                // A call that was in flight may have succeeded in the meantime.
                let strikes = self.strikes.load(Relaxed).max(1);
                doubled(FIRST_EJECTION, strikes - 1).min(LONGEST_EJECTION)
            }
            (_, 0) => return Duration::ZERO,
            (_, attempts) => doubled(FIRST_PAUSE, attempts - 1).min(LONGEST_PAUSE),
        };
        // Clients that have lost the same instance should not all come back at once.
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// A call begins.
    pub fn begin(&self) {
        self.calls.fetch_add(1, Relaxed);
        self.load.begin();
    }

    /// It did its work.
    pub fn succeeded(&self) {
        if self.failures.load(Relaxed) != 0 {
            self.failures.store(0, Relaxed);
        }
        if self.strikes.load(Relaxed) != 0 {
            self.strikes.store(0, Relaxed);
        }
    }

    /// It did not. Whether that was once too often: on its return from an ejection, the first time is.
    pub fn failed(&self) -> bool {
        let failures = self.failures.fetch_add(1, Relaxed) + 1;
        failures >= FAILURES || self.strikes.load(Relaxed) > 0
    }

    /// Gives a connection up, if it is still the one that calls go to; tells whether it was.
    pub fn leave(&self, connection: &Arc<Connection>, state: State) -> bool {
        let mut current = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = matches!(&*current, State::Up(up) if Arc::ptr_eq(up, connection));
        if is_current {
            self.strikes.fetch_add(u32::from(matches!(state, State::Ejected)), Relaxed);
            *current = state;
            connection.give_up();
        }
        is_current
    }

    /// One line for `/readyz?verbose`.
    pub fn report(&self) -> String {
        format!(
            "{} {}, {} calls, {} waiting, {:.1} ms",
            self.instance.authority,
            self.state().name(),
            self.calls.load(Relaxed),
            self.load.pending(),
            self.load.expected().as_secs_f64() * 1e3,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_succeeds_after_all_does_not_end_an_ejection() {
        let endpoint = Endpoint::new(Instance::at("users:50051".parse().unwrap()));
        endpoint.set(State::Ejected);
        endpoint.succeeded();
        assert!(endpoint.pause(0) >= FIRST_EJECTION / 2);
    }
}
