//! The process: from its first port to its last request.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{Health, State, operations};

/// What a service's program can do besides serving.
#[derive(Subcommand)]
pub enum Command {
    /// Ask the running process whether it is ready: exit code 0 if so, 1 if not
    Healthcheck,
}

/// How a process ends.
#[derive(Args, Clone, Copy, Debug)]
#[group(skip)]
pub struct Drain {
    /// Seconds between the signal to end and the last accepted connection: the time that clients need to look elsewhere
    #[arg(long, env, default_value = "0")]
    pub drain_delay_s: u64,

    /// Seconds that the requests in flight have after that
    #[arg(long, env, default_value = "25")]
    pub drain_timeout_s: u64,
}

/// A running process: its operations port is open, its signals are caught.
pub struct Process {
    /// What the operations port tells.
    pub health: Health,
    operations: SocketAddr,
    drain: Drain,
    signals: Signals,
}

impl Process {
    /// Answers on the operations port and takes over SIGINT and SIGTERM. From here on `/readyz` says "starting".
    ///
    /// Errors: the system lets nobody catch signals. Panics outside of a runtime.
    pub fn start(listener: TcpListener, drain: Drain) -> anyhow::Result<Self> {
        let operations = listener.local_addr()?;
        let health = Health::default();
        let signals = Signals::catch()?;
        // It answers until the process is gone: whoever watches the drain asks it.
        tokio::spawn(axum::serve(listener, operations::router(health.clone())).into_future());
        Ok(Self { health, operations, drain, signals })
    }

    /// Prepares, is ready, serves until a signal comes, then drains: unready at once, no new connections after the
    /// delay, what is in flight has until the timeout. A second signal ends it all at once.
    ///
    /// Errors: what `prepare` or `serve` says; `serve` ends before its token is cancelled; requests that did not end.
    pub async fn run<T, F>(
        mut self,
        prepare: impl Future<Output = anyhow::Result<T>>,
        serve: impl FnOnce(T, CancellationToken) -> F,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let prepared = tokio::select! {
            prepared = prepare => prepared?,
            () = self.signals.next() => return Ok(()),
        };
        let shutdown = CancellationToken::new();
        let mut serving = tokio::spawn(serve(prepared, shutdown.clone()));
        self.health.set(State::Ready);
        tracing::info!(operations = %self.operations, "ready");
        tokio::select! {
            ended = &mut serving => return ended?.and_then(|()| bail!("serving ended by itself")),
            () = self.signals.next() => {}
        }
        self.health.set(State::Draining);
        tracing::info!("draining");
        let drained = tokio::select! {
            drained = finish(self.drain, &shutdown, serving) => drained,
            () = self.signals.next() => Err(anyhow!("stopped by a second signal")),
        };
        tracing::info!("stopped");
        drained
    }
}

async fn finish(
    drain: Drain,
    shutdown: &CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    sleep(Duration::from_secs(drain.drain_delay_s)).await;
    shutdown.cancel();
    let seconds = drain.drain_timeout_s;
    let ended = timeout(Duration::from_secs(seconds), serving).await;
    ended.with_context(|| format!("some requests did not end within {seconds} s"))??
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn catch() -> anyhow::Result<Self> {
        let caught = |kind| signal(kind).context("signals cannot be caught");
        Ok(Self { interrupt: caught(SignalKind::interrupt())?, terminate: caught(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Opens a port; port 0 takes a free one.
///
/// Errors: one line that names the setting and the address.
pub async fn listen(setting: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{setting}: cannot listen on {address}"))
}
