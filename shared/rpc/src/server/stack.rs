//! What every call goes through on its way in.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn, from_fn_with_state},
    response::Response,
};
use identity::mesh::{PeerInfo, SpiffeId};
use opentelemetry::trace::FutureExt as _;
pub use telemetry::panic_message;
use tokio::sync::Semaphore;
use tonic::{Code, Status, transport::server::TcpConnectInfo};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use crate::{
    calls::{self, Calls},
    deadline,
    ending::on_end,
    methods::{Method, Methods},
    middleware::{Passage, from_sync_fn},
    status,
};

/// tonic enforces `grpc-timeout` too, but answers CANCELLED: ours has to be first.
const HEAD_START: Duration = Duration::from_millis(2);

/// `grpc.health.v1` and `grpc.reflection`.
pub(super) const STANDARD_SERVICES: &str = "/grpc.";

/// Puts the stack around the services, top to bottom = outside in.
pub(super) fn around(services: Router, max_concurrent_calls: u32, methods: Methods) -> Router {
    let methods = Arc::new(methods);
    let calls = (Arc::new(Calls::answered()), methods.clone());
    let permits = Arc::new(Semaphore::new(max_concurrent_calls as usize));
    let stack = ServiceBuilder::new()
        // Everything further in is a part of the caller's trace.
        .layer(from_fn_with_state(calls, continue_trace))
        // One line, whatever happens further in, where everything can know who calls.
        .layer(from_sync_fn(move |request| log_call(&methods, request)))
        // Outside of the guard, which would keep the permit of a call that panics no longer than any other.
        .layer(from_sync_fn(move |request| shed_load(permits.clone(), request)))
        .layer(CatchPanicLayer::custom(panicked))
        // A call that nobody waits for any more is not worked on.
        .layer(from_fn(enforce_deadline));
    services.layer(stack)
}

/// A span and a measurement of each call, which end when its answer does. Questions about our health have none: nobody
/// waits for them.
async fn continue_trace(
    State((calls, methods)): State<(Arc<Calls>, Arc<Methods>)>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    if path.starts_with(STANDARD_SERVICES) {
        return next.run(request).await;
    }
    let method = methods.get(path);
    let operation = calls.begin(methods.name(path), &telemetry::extract(request.headers()));
    let trace = operation.context().clone();
    let answer = async {
        let response = next.run(request).await;
        when_over(method, response, |end| match end.code {
            Some(code) => calls::answered(operation, code),
            None => calls::left(operation),
        })
    };
    answer.with_context(trace).await
}

/// How a call ended.
struct End<'a> {
    /// Nothing, where the caller did not wait for it.
    code: Option<Code>,
    /// With its cause, of which a stream that has begun tells nothing.
    failure: Option<&'a Status>,
}

/// Tells of the end of a call: at once, unless its answer is a stream that goes on.
fn when_over(method: Method, response: Response, tell: impl FnOnce(End<'_>) + Send + 'static) -> Response {
    let failure = response.extensions().get::<Status>();
    if failure.is_none() && method.streams() {
        let tell = |code| tell(End { code, failure: None });
        return response.map(|stream| Body::new(on_end(tonic::body::Body::new(stream), tell)));
    }
    tell(End { code: Some(failure.map_or(Code::Ok, Status::code)), failure });
    response
}

/// Refuses what is too much at once: a call that would only wait is better made elsewhere. A stream takes no room once it
/// has begun: it waits for what happens, and how many there may be is its service's to say. Whether we are alive can be
/// asked all the same.
fn shed_load(permits: Arc<Semaphore>, request: Request) -> Passage<impl FnOnce(Response) -> Response> {
    let is_standard = request.uri().path().starts_with(STANDARD_SERVICES);
    let too_many = |_| status::unavailable("too many calls at once").into_http();
    let permit = match is_standard {
        true => None,
        false => Some(permits.try_acquire_owned().map_err(too_many)?),
    };
    let free = |response| {
        drop(permit);
        response
    };
    Ok((request, free))
}

/// Gives the handler the time that the caller gives us, and answers DEADLINE_EXCEEDED when it is over. A stream has begun
/// by then, and goes on.
async fn enforce_deadline(request: Request, next: Next) -> Response {
    let Some(limit) = deadline::parse(request.headers()) else { return next.run(request).await };
    match deadline::within(limit.saturating_sub(HEAD_START), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Status::deadline_exceeded("the deadline is over").into_http(),
    }
}

/// One call's panic is one call's failure.
fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let status = Status::internal("internal error");
    status::caused_by(status, std::io::Error::other(panic_message(&*panic))).into_http()
}

/// One line per call, when it is over, with the cause of what went wrong; the caller is told only what it can act on.
fn log_call(methods: &Methods, mut request: Request) -> Passage<impl FnOnce(Response) -> Response + use<>> {
    let start = Instant::now();
    let path = request.uri().path();
    let (method, name) = (methods.get(path), path.trim_start_matches('/').to_owned());
    let peer = introduce(&mut request);
    let log = move |end: End<'_>| log_line(&name, peer.as_ref(), &end, start.elapsed());
    Ok((request, move |response| when_over(method, response, log)))
}

/// Puts what is known of the connection where handlers look for it: its addresses, and who is at its other end.
fn introduce(request: &mut Request) -> Option<SpiffeId> {
    let PeerInfo { connection, peer } = request.extensions_mut().remove::<PeerInfo<TcpConnectInfo>>()?;
    request.extensions_mut().insert(connection);
    if let Some(peer) = &peer {
        request.extensions_mut().insert(peer.clone());
    }
    peer
}

fn log_line(method: &str, peer: Option<&SpiffeId>, end: &End<'_>, took: Duration) {
    let code = end.code.unwrap_or(Code::Cancelled);
    let peer = peer.map(|peer| peer.service().as_str());
    let milliseconds = took.as_secs_f64() * 1e3;
    let cause = end.failure.and_then(|status| std::error::Error::source(status)).map(status::chain);
    match code {
        // A stream says so when its server leaves: whoever reads it asks another.
        Code::Unavailable if end.failure.is_none() => {
            tracing::info!(rpc.method = method, peer, rpc.code = ?code, milliseconds, "call");
        }
        Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable | Code::DeadlineExceeded => {
            tracing::error!(rpc.method = method, peer, rpc.code = ?code, milliseconds, cause, "call failed");
        }
        _ => tracing::info!(rpc.method = method, peer, rpc.code = ?code, milliseconds, cause, "call"),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::any;
    use futures::FutureExt;
    use http::HeaderValue;
    use tower::ServiceExt;

    use super::*;

    fn methods() -> Methods {
        Methods::read(&[]).unwrap()
    }

    /// The head of a stream that never ends.
    async fn endless() -> Body {
        Body::from_stream(futures::stream::pending::<Result<bytes::Bytes, Status>>())
    }

    async fn call<F>(handler: impl Fn() -> F + Clone + Send + Sync + 'static, timeout: &'static str) -> Status
    where
        F: Future<Output = String> + Send + 'static,
    {
        let router = around(Router::new().route("/", any(handler)), 1, methods());
        let mut request = Request::new(axum::body::Body::empty());
        request.headers_mut().insert("grpc-timeout", HeaderValue::from_static(timeout));
        let response = router.oneshot(request).await.unwrap();
        Status::from_header_map(response.headers()).unwrap_or_else(|| Status::ok(""))
    }

    #[tokio::test]
    async fn a_panic_is_an_internal_error_that_tells_nothing() {
        let status = call(|| async { panic!("the secret is 42") }, "1S").await;
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_past_its_deadline_is_given_up() {
        let status = call(std::future::pending, "250m").await;
        assert_eq!(status.code(), Code::DeadlineExceeded);
    }

    #[tokio::test(start_paused = true)]
    async fn the_handler_knows_what_time_is_left() {
        let handler = || async {
            assert_eq!(deadline::remaining(), Some(Duration::from_millis(248)));
            String::new()
        };
        assert_eq!(call(handler, "250m").await.code(), Code::Ok);
    }

    #[tokio::test]
    async fn without_a_readable_timeout_there_is_no_deadline() {
        let handler = || async {
            assert_eq!(deadline::remaining(), None);
            String::new()
        };
        assert_eq!(call(handler, "soon").await.code(), Code::Ok);
    }

    #[tokio::test]
    async fn too_much_at_once_is_refused_and_can_be_tried_again_soon() {
        let router = around(Router::new().fallback(std::future::pending::<String>), 1, methods());
        let send = |path: &'static str| {
            let request = Request::builder().uri(path).body(axum::body::Body::empty()).unwrap();
            router.clone().oneshot(request)
        };
        let mut first = Box::pin(send("/shop.v1.Shop/Buy"));
        assert!((&mut first).now_or_never().is_none());
        let response = send("/shop.v1.Shop/Buy").await.unwrap();
        let refusal = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(refusal.code(), Code::Unavailable);
        assert_eq!(status::retry_after(&refusal), Some(Duration::from_secs(1)));
        // Who asks whether we are alive is not refused.
        assert!(Box::pin(send("/grpc.health.v1.Health/Check")).now_or_never().is_none());
        drop(first);
        assert!(Box::pin(send("/shop.v1.Shop/Buy")).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_stream_that_has_begun_takes_the_room_of_no_call() {
        let router = around(Router::new().fallback(endless), 1, methods());
        let send = || router.clone().oneshot(Request::new(Body::empty()));
        let streams = [send().await.unwrap(), send().await.unwrap(), send().await.unwrap()];
        assert!(streams.iter().all(|stream| stream.extensions().get::<Status>().is_none()));
    }
}
