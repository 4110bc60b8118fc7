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

/// How long an instance that is restarted still serves those who have not yet heard: long enough to be watched. Who is
/// called by nobody ends at once.
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
    called: Option<Called>,
    /// What it tells of itself, beside what the process does.
    health: Health,
    serve: Serve,
}

/// How the others find it.
#[derive(Clone)]
struct Called {
    registry: Registry,
    registration: Registration,
}

/// What serves until its token is cancelled.
type Serve = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>;

struct Running {
    called: Option<Called>,
    health: Health,
    leaving: CancellationToken,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Serving {
    /// One that nobody calls.
    pub fn new<F>(serve: impl FnOnce(CancellationToken) -> F + Send + 'static) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { called: None, health: Health::default(), serve: Box::new(move |stop| serve(stop).boxed()) }
    }

    /// One that the others find there.
    pub fn called(self, registry: &Registry, registration: Registration) -> Self {
        Self { called: Some(Called { registry: registry.clone(), registration }), ..self }
    }

    /// One that tells its own clients when it is about to leave.
    pub fn telling(self, health: Health) -> Self {
        Self { health, ..self }
    }

    fn begin(self) -> Running {
        let (leaving, stop) = (CancellationToken::new(), CancellationToken::new());
        self.health.set(State::Ready);
        let (serving, left, called) = ((self.serve)(stop.clone()), leaving.clone(), self.called.clone());
        let task = tokio::spawn(async move {
            let found = async {
                if let Some(Called { registry, registration }) = called {
                    registry.register(registration, left.clone()).await;
                }
            };
            // Nobody should find what has ended, for whatever reason.
            let serving = async {
                let ended = serving.await;
                left.cancel();
                ended
            };
            join!(serving, found).0
        });
        Running { called: self.called, health: self.health, leaving, stop, task }
    }
}

impl Called {
    /// Waits until the others have heard of it. Before that, the next one must not go; a registry that is away must not
    /// hold us up for ever.
    async fn found(&self) -> anyhow::Result<bool> {
        let mut instances = self.registry.watch(&Peer::Service(self.registration.service.clone()))?;
        let ours = &self.registration.started_at;
        let is_found = async {
            while !instances.next().await.is_some_and(|known| known.iter().any(|it| it.started_at == *ours)) {}
        };
        Ok(timeout(FOUND_TIMEOUT, is_found).await.is_ok())
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
        self.drain(if self.running.called.is_some() { DRAIN_DELAY } else { Duration::ZERO }).await?;
        self.running = (self.start)().await?.begin();
        let is_known = match &self.running.called {
            Some(called) => called.found().await?,
            None => true,
        };
        match is_known {
            true => tracing::info!(instance = self.name, "started again"),
            false => tracing::warn!(instance = self.name, "started again, but the registry does not know of it"),
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
