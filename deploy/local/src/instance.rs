//! One instance of a service: started, found by the others, and ended without a failed request.

use std::time::Duration;

use anyhow::{Context, anyhow};
use discovery::{Peer, Registration, Registry};
use futures::future::{BoxFuture, FutureExt};
use lifecycle::{Health, State};
use tokio::{
    join,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// How long an instance that is restarted still serves those who have not yet heard: long enough to be watched.
const DRAIN_DELAY: Duration = Duration::from_secs(1);

/// How long the others may take to hear of an instance that was started.
const FOUND_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens its ports again where they were, and builds it anew.
pub type Start = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<Serving>> + Send + Sync>;

pub struct Instance {
    /// `users-1`, for the log.
    name: String,
    start: Start,
    running: Running,
}

/// An instance that is about to serve.
pub struct Serving {
    registry: Registry,
    registration: Registration,
    /// What it tells of itself, beside what the process does.
    health: Health,
    serve: Serve,
}

/// What serves until its token is cancelled.
type Serve = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>;

struct Running {
    health: Health,
    leaving: CancellationToken,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Serving {
    pub fn new<F>(
        registry: &Registry,
        registration: Registration,
        health: Health,
        serve: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let serve = Box::new(move |stop| serve(stop).boxed());
        Self { registry: registry.clone(), registration, health, serve }
    }

    fn begin(self) -> Running {
        let (leaving, stop) = (CancellationToken::new(), CancellationToken::new());
        self.health.set(State::Ready);
        let (serving, left) = ((self.serve)(stop.clone()), leaving.clone());
        let task = tokio::spawn(async move {
            let found = self.registry.register(self.registration, left.clone());
            // Nobody should find what has ended, for whatever reason.
            let serving = async {
                let ended = serving.await;
                left.cancel();
                ended
            };
            join!(serving, found).0
        });
        Running { health: self.health, leaving, stop, task }
    }
}

impl Instance {
    pub fn begin(name: String, serving: Serving, start: Start) -> Self {
        Self { name, start, running: serving.begin() }
    }

    /// Waits for its end, which nobody has asked for.
    pub async fn ended(&mut self) -> anyhow::Error {
        let outcome = (&mut self.running.task).await.map_err(anyhow::Error::from).flatten();
        let name = &self.name;
        match outcome {
            Ok(()) => anyhow!("{name} ended by itself"),
            Err(error) => error.context(format!("{name} failed")),
        }
    }

    /// Finishes what is in flight.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.drain(Duration::ZERO).await
    }

    /// Ends it, and starts it again in the same place.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.drain(DRAIN_DELAY).await?;
        let serving = (self.start)().await?;
        let mut instances = serving.registry.watch(&Peer::Service(serving.registration.service.clone()))?;
        let started_at = serving.registration.started_at.clone();
        self.running = serving.begin();
        // Before that, the next one must not go; a registry that is away must not hold us up for ever.
        let is_found = async {
            while !instances.next().await.is_some_and(|known| known.iter().any(|it| it.started_at == started_at)) {}
        };
        match timeout(FOUND_TIMEOUT, is_found).await {
            Ok(()) => tracing::info!(instance = self.name, "started again"),
            Err(_) => tracing::warn!(instance = self.name, "started again, but the registry does not know of it"),
        }
        Ok(())
    }

    async fn drain(&mut self, delay: Duration) -> anyhow::Result<()> {
        tracing::info!(instance = self.name, "stopping");
        self.running.health.set(State::Draining);
        self.running.leaving.cancel();
        sleep(delay).await;
        self.running.stop.cancel();
        (&mut self.running.task).await?.with_context(|| format!("{} failed", self.name))
    }
}
