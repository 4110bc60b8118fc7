//! A channel to a service: what a generated client is built on.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use discovery::Instances;
use http::{Request, Response};
use opentelemetry::{Context as Trace, trace::FutureExt};
use telemetry::Operation;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::{Code, Status, body::Body};
use tower::Service;

use super::{
    attempt::Attempt,
    balancer::Balancer,
    budget::Budget,
    held::{Answer, Held, begun},
};
use crate::{
    calls, deadline,
    ending::on_end,
    methods::{Method, Methods},
};

/// A unary call that nothing else limits may take this long.
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);

/// The way to one service. Copies share their connections, which end with the last one.
#[derive(Clone)]
pub struct Channel(Arc<Shared>);

struct Shared {
    methods: Arc<Methods>,
    balancer: Arc<Balancer>,
    budget: Budget,
    _tasks: DropGuard,
}

impl Channel {
    pub(crate) fn open(balancer: Balancer, instances: Instances, methods: Arc<Methods>) -> Self {
        let tasks = CancellationToken::new();
        let balancer = Arc::new(balancer);
        balancer.instruments.observe(Arc::downgrade(&balancer));
        let follow = balancer.clone().follow(instances, tasks.clone());
        tokio::spawn(tasks.clone().run_until_cancelled_owned(follow));
        Self(Arc::new(Shared { methods, balancer, budget: Budget::new(), _tasks: tasks.drop_guard() }))
    }

    /// Waits until an instance can be called: the one that the next call would get.
    ///
    /// Errors: there is none, nor any to wait for.
    pub async fn reachable(&self) -> Result<(), Status> {
        self.0.balancer.pick(None).await.map(drop)
    }

    /// What is known of the instances, for `/readyz?verbose`: a line for all, and one for each.
    pub fn report(&self) -> String {
        self.0.balancer.report()
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Answer> + Send>>;

    /// Always: a call waits for itself, within its own time.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    /// A part of the trace that the caller is in.
    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let shared = self.0.clone();
        let method = shared.methods.name(request.uri().path());
        let operation = Trace::map_current(|caller| shared.balancer.instruments.calls.begin(method, caller));
        telemetry::inject(operation.context(), request.headers_mut());
        let trace = operation.context().clone();
        Box::pin(async move { tell(operation, shared.make(request).await) }.with_context(trace))
    }
}

/// What became of it; a stream says it later, in its own time.
fn tell(operation: Operation, answer: Answer) -> Answer {
    let code = answer.as_ref().map_or_else(|status| Some(status.code()), |answer| answer.extensions().get().copied());
    if let Some(code) = code {
        calls::heard(operation, code);
        return answer;
    }
    answer.map(|answer| {
        answer.map(|stream| {
            on_end(stream, |code| match code {
                Some(code) => calls::heard(operation, code),
                None => calls::left(operation),
            })
        })
    })
}

impl Shared {
    async fn make(&self, request: Request<Body>) -> Answer {
        let limit = deadline::limit(request.headers());
        match self.methods.get(request.uri().path()) {
            Method::Unary { idempotent } => {
                let call = Held::unary(request, idempotent).await?;
                self.hold(call, Some(limit.unwrap_or(DEFAULT_LIMIT))).await
            }
            Method::ServerStream { idempotent } => {
                let call = Held::server_stream(request, idempotent).await?;
                self.hold(call, limit).await
            }
            Method::Stream => self.stream(request, limit).await,
        }
    }

    /// Waits no longer than the deadline, whatever the transport does. A stream has the one that its caller set, if any,
    /// and only for its beginning.
    async fn hold(&self, call: Held, limit: Option<Duration>) -> Answer {
        let mut last = None;
        let make = call.make(&self.balancer, &self.budget, &mut last);
        let Some(limit) = limit else { return make.await };
        let answer = deadline::within(limit, make).await;
        answer.unwrap_or_else(|_| last.unwrap_or_else(|| Err(too_late())))
    }

    async fn stream(&self, mut request: Request<Body>, limit: Option<Duration>) -> Answer {
        deadline::conceal(request.headers_mut());
        let Some(limit) = limit else { return self.begin(request).await };
        deadline::within(limit, self.begin(request)).await.unwrap_or_else(|_| Err(too_late()))
    }

    async fn begin(&self, mut request: Request<Body>) -> Answer {
        let mut avoid = None;
        loop {
            let ready = self.balancer.pick(avoid.as_ref()).await?;
            let attempt = Attempt::begin(&self.balancer, &ready);
            let lost = match ready.connection.send(request).await {
                Ok(response) => {
                    let response = begun(response);
                    attempt.answered(response.extensions().get().copied().unwrap_or(Code::Ok));
                    return Ok(response);
                }
                Err(lost) => lost,
            };
            attempt.lost(&lost);
            // It was never sent, or it would not be here: somebody else may have it, once.
            match lost.request.filter(|_| avoid.is_none()) {
                Some(unsent) => request = unsent,
                None => return Err(lost.status),
            }
            avoid = Some(ready.endpoint);
        }
    }
}

fn too_late() -> Status {
    Status::deadline_exceeded("the deadline is over")
}
