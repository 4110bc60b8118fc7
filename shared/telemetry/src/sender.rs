//! What sends telemetry: a runtime of its own, on one thread. It goes on while the process waits for the last of it, and with that
//! stands still.

use anyhow::Context;
use tokio::runtime::{Builder, EnterGuard, Runtime};

pub(crate) struct Sender(Option<Runtime>);

impl Sender {
    pub fn start() -> anyhow::Result<Self> {
        let mut runtime = Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).thread_name("telemetry").enable_all().build();
        Ok(Self(Some(runtime.context("the thread that sends telemetry cannot start")?)))
    }

    /// Connections that are made until this is dropped are its own.
    pub fn enter(&self) -> Option<EnterGuard<'_>> {
        self.0.as_ref().map(Runtime::enter)
    }
}

impl Drop for Sender {
    /// Nobody may wait for a runtime to end where another one works.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
