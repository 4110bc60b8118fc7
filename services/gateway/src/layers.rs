//! What every request goes through, top to bottom = outside in.

use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, Version, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use lifecycle::Health;
use rpc::{
    deadline,
    middleware::{Passage, from_sync_fn},
    status::unavailable,
};
use telemetry::http::{Requests, observe, presentable};
use tokio::sync::Semaphore;
use tower::ServiceBuilder;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::{AllowOrigin, CorsLayer},
    request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer},
};
use uuid::Uuid;

use crate::{
    Config,
    arrival::Arrival,
    problem::Problem,
    rate_limit::{RATE_LIMIT, RATE_LIMIT_POLICY, RateLimits, limit_rates},
};

/// The largest body, in bytes: an order of 100 lines has some 10 KiB. As many as are worked on at once must fit into the
/// memory of a container.
const MAX_BODY: usize = 64 * 1024;

/// A longer request id is not one that a client made for us.
const MAX_REQUEST_ID: usize = 128;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub fn around(api: Router, config: &Config, health: &Health, rate_limits: RateLimits) -> Router {
    let deadline = Duration::from_millis(config.request_timeout_ms);
    let permits = Arc::new(Semaphore::new(config.max_concurrent_requests as usize));
    let health = health.clone();
    let stack = ServiceBuilder::new()
        // While draining, clients are sent elsewhere before the connection would end under them.
        .layer(from_sync_fn(move |request| part_while_draining(health.clone(), request)))
        // Everything further in is a part of the client's trace, if it has one; else of a new one.
        .layer(from_fn_with_state(Requests::new(), observe))
        // A client's own id is kept, if it can be one.
        .map_request(drop_strange_ids)
        .layer(SetRequestIdLayer::new(REQUEST_ID, TimeOrderedId))
        // One line per request, whatever happens further in.
        .layer(from_sync_fn(log_request))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(CompressionLayer::new())
        // Browsers ask before they call; the answer needs none of what follows.
        .option_layer(cors(&config.cors_allowed_origins))
        // Every problem further in gets the request's id.
        .layer(from_sync_fn(name_the_request))
        // A handler's panic is one request's 500.
        .layer(CatchPanicLayer::custom(panicked))
        // Whoever asks too often is refused before it costs us anything.
        .layer(from_sync_fn(move |request| limit_rates(rate_limits.clone(), request)))
        // What is too much at once is better asked for elsewhere, or a little later. A stream that has begun has a limit
        // of its own.
        .layer(from_sync_fn(move |request| shed_load(permits.clone(), request)))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        // Innermost, so that what is left for the services is known exactly. Of a stream, it is for the beginning.
        .layer(from_fn_with_state(deadline, enforce_deadline));
    api.layer(stack)
}

#[derive(Clone)]
struct TimeOrderedId;

impl MakeRequestId for TimeOrderedId {
    fn make_request_id<B>(&mut self, _: &http::Request<B>) -> Option<RequestId> {
        HeaderValue::from_str(&Uuid::now_v7().to_string()).ok().map(RequestId::new)
    }
}

fn drop_strange_ids(mut request: Request) -> Request {
    let strange =
        |id: &HeaderValue| !(1..=MAX_REQUEST_ID).contains(&id.len()) || !id.as_bytes().iter().all(u8::is_ascii_graphic);
    if request.headers().get_all(REQUEST_ID).iter().any(strange) {
        request.headers_mut().remove(REQUEST_ID);
    }
    request
}

fn log_request(request: Request) -> Passage<impl FnOnce(Response) -> Response> {
    let start = Instant::now();
    let (method, path) = (request.method().clone(), presentable(request.uri().path()));
    let route = request.extensions().get::<MatchedPath>().map(|route| route.as_str().to_owned());
    let id = request_id(&request);
    let log = move |response: Response| {
        let status = response.status().as_u16();
        let problem = response.extensions().get::<Problem>().map(Problem::story);
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        if response.status().is_server_error() {
            tracing::error!(%method, path, route, status, milliseconds, id, problem, "request failed");
        } else {
            tracing::info!(%method, path, route, status, milliseconds, id, problem, "request");
        }
        response
    };
    Ok((request, log))
}

/// Nothing where no origin is allowed: then every browser refuses by itself.
fn cors(allowed_origins: &[HeaderValue]) -> Option<CorsLayer> {
    let origins = match allowed_origins {
        [] => return None,
        list if list.iter().any(|origin| origin == "*") => AllowOrigin::any(),
        list => AllowOrigin::list(list.iter().cloned()),
    };
    let [idempotency_key, last_event_id] = ["idempotency-key", "last-event-id"].map(HeaderName::from_static);
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_MATCH,
            idempotency_key,
            last_event_id,
            REQUEST_ID,
        ])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
            REQUEST_ID,
        ]);
    Some(layer)
}

fn name_the_request(request: Request) -> Passage<impl FnOnce(Response) -> Response> {
    let id = request_id(&request);
    let name = |mut response: Response| {
        if let Some(problem) = response.extensions_mut().remove::<Problem>() {
            let problem = problem.request_id(id);
            *response.body_mut() = problem.body();
            response.extensions_mut().insert(problem);
        }
        response
    };
    Ok((request, name))
}

fn panicked(panic: Box<dyn Any + Send>) -> Response {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR).cause(rpc::panic_message(&*panic)).into_response()
}

fn part_while_draining(health: Health, request: Request) -> Passage<impl FnOnce(Response) -> Response> {
    let version = request.version();
    let part = move |response| match health.state() {
        lifecycle::State::Draining => part(version, response),
        lifecycle::State::Starting | lifecycle::State::Ready => response,
    };
    Ok((request, part))
}

fn shed_load(permits: Arc<Semaphore>, request: Request) -> Passage<impl FnOnce(Response) -> Response> {
    let too_many = |_| Problem::from(unavailable("too many requests at once")).into_response();
    let permit = permits.try_acquire_owned().map_err(too_many)?;
    let free = |response| {
        drop(permit);
        response
    };
    Ok((request, free))
}

async fn enforce_deadline(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    let version = request.version();
    let (arrival, request) = Arrival::of(request);
    match deadline::within(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) if arrival.is_awaited() => came_too_late(version),
        Err(_) => Problem::new(StatusCode::GATEWAY_TIMEOUT).cause("the deadline is over").into_response(),
    }
}

/// The rest of the body may still come: the connection is of no more use.
fn came_too_late(version: Version) -> Response {
    let problem = Problem::new(StatusCode::REQUEST_TIMEOUT).detail("the body did not arrive in time");
    part(version, problem.into_response())
}

/// The client is asked to close; HTTP/2 has a frame for it, which the server sends.
fn part(version: Version, mut response: Response) -> Response {
    if version <= Version::HTTP_11 {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn request_id(request: &Request) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?;
    Some(id.to_str().ok()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::{
        body::{Body, to_bytes},
        routing::get,
    };
    use clap::Parser;
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;
    use crate::Cli;

    async fn panicking() {
        panic!("cannot connect to 10.0.0.7");
    }

    async fn problem(path: &str) -> (StatusCode, Value) {
        let api = Router::new().route("/panic", get(panicking)).route("/hang", get(pending::<()>));
        let request = Request::builder().uri(path).header(REQUEST_ID, "7").body(Body::empty()).unwrap();
        let config = Cli::parse_from(["gateway"]).config;
        let response = around(api, &config, &Health::default(), RateLimits::new(config.rate_limit))
            .oneshot(request)
            .await
            .unwrap();
        assert_eq!(response.headers()[REQUEST_ID], "7");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let status = response.status();
        (status, serde_json::from_slice(&to_bytes(response.into_body(), usize::MAX).await.unwrap()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_a_500_that_tells_nothing() {
        let (status, problem) = problem("/panic").await;
        assert_eq!(status, 500);
        let expected =
            json!({"type": "about:blank", "title": "Internal Server Error", "status": 500, "request_id": "7"});
        assert_eq!(problem, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_not_answered_in_time_is_a_504() {
        let start = tokio::time::Instant::now();
        let (status, problem) = problem("/hang").await;
        assert_eq!((status, &problem["request_id"]), (StatusCode::GATEWAY_TIMEOUT, &Value::from("7")));
        assert_eq!(start.elapsed(), Duration::from_secs(5));
    }
}
