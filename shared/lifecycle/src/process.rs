//! The process: from its first port to its last request.

use std::{net::SocketAddr, process, time::Duration};

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand};
use futures::future::{BoxFuture, FutureExt};
use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{Health, State, operations};

/// Ends the program: an error is one line on stderr, with its causes, and the code `failure`.
///
/// At once: a runtime that is dropped waits for work that blocks, and looking up a name can take ten seconds.
#[expect(clippy::print_stderr, reason = "whoever started the program reads it there, also where no log came about")]
#[expect(clippy::disallowed_methods, reason = "it is the last that `main` does: what had to be dropped has been")]
pub fn exit(outcome: anyhow::Result<()>, failure: u8) -> ! {
    let Err(error) = outcome else { process::exit(0) };
    eprintln!("{error:#}");
    process::exit(failure.into())
}

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
    #[arg(long, env, default_value = "2")]
    pub drain_delay_s: u64,

    /// Seconds that the requests in flight have after that
    #[arg(long, env, default_value = "25")]
    pub drain_timeout_s: u64,
}

/// What is done while the process is ready may take so long to end.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(3);

type WhileReady = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// A running process: its operations port is open, its signals are caught.
pub struct Process {
    /// What the operations port tells.
    pub health: Health,
    /// Where the operations port is.
    pub operations: SocketAddr,
    drain: Drain,
    signals: Signals,
    while_ready: Vec<WhileReady>,
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
        Ok(Self { health, operations, drain, signals, while_ready: Vec::new() })
    }

    /// Does this while the process is ready. When it is about to leave, the token is cancelled; `work` then has three
    /// seconds to end, before anything else of the process does.
    pub fn while_ready<F>(&mut self, work: impl FnOnce(CancellationToken) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.while_ready.push(Box::new(move |leaving| work(leaving).boxed()));
    }

    /// Prepares, is ready, serves until a signal comes, then drains: unready at once; what is done while ready ends; no
    /// new connections after the delay; what is in flight has until the timeout. A second signal ends it all at once.
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
        let leaving = CancellationToken::new();
        let while_ready = self.while_ready.drain(..).map(|work| work(leaving.clone())).collect();
        tokio::select! {
            ended = &mut serving => return ended?.and_then(|()| bail!("serving ended by itself")),
            () = self.signals.next() => {}
        }
        self.health.set(State::Draining);
        tracing::info!("draining");
        leaving.cancel();
        let drained = tokio::select! {
            drained = finish(self.drain, while_ready, &shutdown, serving) => drained,
            () = self.signals.next() => Err(anyhow!("stopped by a second signal")),
        };
        tracing::info!("stopped");
        drained
    }
}

async fn finish(
    drain: Drain,
    while_ready: JoinSet<()>,
    shutdown: &CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
) -> anyhow::Result<()> {
    if timeout(FAREWELL_TIMEOUT, while_ready.join_all()).await.is_err() {
        tracing::warn!("something that is done while ready did not end");
    }
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
