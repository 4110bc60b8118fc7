//! One instance of a service: started, found by the others, and ended without a failed request.

use anyhow::Context;
use discovery::{Registration, Registry};
use futures::future::{BoxFuture, FutureExt};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Opens its ports again where they were, builds it and serves.
pub type Start = Box<dyn Fn() -> BoxFuture<'static, anyhow::Result<Serving>> + Send + Sync>;

pub struct Instance {
    /// `users-1`, for the log.
    pub name: String,
    start: Start,
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

/// What serves until its token is cancelled.
pub type Serve = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, anyhow::Result<()>> + Send>;

/// An instance that is about to serve.
pub struct Serving {
    registry: Registry,
    registration: Registration,
    serve: Serve,
}

impl Serving {
    pub fn new<F>(
        registry: &Registry,
        registration: Registration,
        serve: impl FnOnce(CancellationToken) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        Self { registry: registry.clone(), registration, serve: Box::new(move |stop| serve(stop).boxed()) }
    }

    /// Is found until `leaving`; only then it stops.
    async fn run(self, leaving: CancellationToken) -> anyhow::Result<()> {
        let stop = CancellationToken::new();
        let mut serving = tokio::spawn((self.serve)(stop.clone()));
        tokio::select! {
            ended = &mut serving => return ended?,
            () = self.registry.register(self.registration, leaving) => {}
        }
        stop.cancel();
        serving.await?
    }
}

impl Instance {
    pub fn begin(name: String, serving: Serving, start: Start) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(serving.run(stop.clone()));
        Self { name, start, stop, task }
    }

    /// Waits for its end, which nobody has asked for.
    pub async fn ended(&mut self) -> anyhow::Error {
        let outcome = (&mut self.task).await.map_err(anyhow::Error::from).flatten();
        let name = &self.name;
        match outcome {
            Ok(()) => anyhow::anyhow!("{name} ended by itself"),
            Err(error) => error.context(format!("{name} failed")),
        }
    }

    /// Finishes what is in flight.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        tracing::info!(instance = self.name, "stopping");
        self.stop.cancel();
        (&mut self.task).await?.with_context(|| format!("{} failed", self.name))
    }

    /// Ends it, and starts it again in the same place.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.stop().await?;
        let serving = (self.start)().await?;
        self.stop = CancellationToken::new();
        self.task = tokio::spawn(serving.run(self.stop.clone()));
        tracing::info!(instance = self.name, "started again");
        Ok(())
    }
}
