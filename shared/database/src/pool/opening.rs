//! How a connection is opened: beside the runtime, which may have a lot to do.

use std::{
    io::{Error as IoError, ErrorKind},
    sync::Arc,
    thread::sleep,
    time::Duration,
};

use sqlx::{ConnectOptions, Error, PgConnection, postgres::PgConnectOptions};
use tokio::{runtime::Handle, task::spawn_blocking, time::timeout};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::connections::Connections;
use crate::Failure;

/// A server that has accepted a connection and says nothing is given up after this.
const OPENING_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that is away is asked again after this, then after twice as long, and so on.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// A connection by itself.
///
/// Errors: the server cannot be reached, or refuses.
pub(crate) async fn open(options: PgConnectOptions) -> Result<PgConnection, Error> {
    let runtime = Handle::current();
    spawn_blocking(move || open_on_this_thread(&options, &runtime)).await.map_err(|_| Error::WorkerCrashed)?
}

/// While sqlx proves that it knows the password it yields some 800 times (after every fifth of 4,096 rounds), in a task
/// each time behind all others. A thread of its own has nobody to yield to. The packets come by the runtime, whose
/// connection it will be.
fn open_on_this_thread(options: &PgConnectOptions, runtime: &Handle) -> Result<PgConnection, Error> {
    let opened = runtime.block_on(timeout(OPENING_TIMEOUT, options.connect()));
    opened.unwrap_or_else(|_| Err(Error::Io(IoError::new(ErrorKind::TimedOut, "the server does not answer"))))
}

/// One that is being opened for whoever waits: its end is nobody's in particular.
pub(super) struct Opening {
    pub connections: Arc<Connections>,
    pub runtime: Handle,
}

impl Opening {
    /// Tries until it is open, for as long as somebody waits.
    ///
    /// Errors: the server refuses.
    pub fn run(self, token: TaskTrackerToken) -> Result<(), Error> {
        let mut pause = FIRST_PAUSE;
        loop {
            match open_on_this_thread(self.connections.options(), &self.runtime) {
                Ok(raw) => {
                    let connections = self.connections.clone();
                    // Not on its way any more, before somebody has it: whoever comes then must not wait for this one.
                    drop(self);
                    connections.add(raw, token);
                    return Ok(());
                }
                Err(error) if Failure::from(&error) != Failure::Unavailable => return Err(error),
                Err(error) => tracing::debug!(error = %error, "no connection to the database"),
            }
            if !self.connections.is_waited_for() {
                return Ok(());
            }
            #[expect(clippy::disallowed_methods, reason = "no task is on this thread")]
            sleep(pause);
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        self.connections.opening_is_over();
    }
}
