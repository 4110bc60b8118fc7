//! A gRPC server: the services of a process behind one stack, with health and reflection.

use std::{
    any::Any,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use anyhow::Context;
use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
};
use futures::FutureExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Status,
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport::server::TcpIncoming,
};
use tonic_health::{ServingStatus, server::health_reporter};
use tonic_reflection::server::Builder as ReflectionBuilder;
use tower::Service;

use crate::{deadline, status};

/// tonic enforces `grpc-timeout` too, but answers CANCELLED: ours has to be first.
const HEAD_START: Duration = Duration::from_millis(2);

/// A gRPC server in the making.
pub struct Server {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    descriptors: &'static [u8],
}

impl Server {
    /// A server without services; `descriptors` is the encoded `FileDescriptorSet` of those that it will have.
    pub fn new(descriptors: &'static [u8]) -> Self {
        Self { routes: Routes::builder(), names: Vec::new(), descriptors }
    }

    /// Adds a service.
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = std::convert::Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Serves until `shutdown`, with `grpc.health.v1` and reflection; then finishes what is in flight.
    ///
    /// Errors: the descriptors cannot be read, or the listener fails.
    pub async fn serve(mut self, listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
        let (health, health_service) = health_reporter();
        for name in &self.names {
            health.set_service_status(*name, ServingStatus::Serving).await;
        }
        self = self.with(health_service);
        let unreadable = "the descriptors cannot be read";
        self.routes.add_service(self.reflection().build_v1().context(unreadable)?);
        // What many a tool still speaks.
        self.routes.add_service(self.reflection().build_v1alpha().context(unreadable)?);
        tonic::transport::Server::builder()
            .add_routes(Routes::from(stack(self.routes.routes().into_axum_router())))
            .serve_with_incoming_shutdown(
                TcpIncoming::from(listener).with_nodelay(Some(true)),
                shutdown.cancelled_owned(),
            )
            .await
            .context("the gRPC server failed")
    }

    /// Tells of the services that are here, and not of all that are described.
    fn reflection(&self) -> ReflectionBuilder<'static> {
        let builder = ReflectionBuilder::configure()
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(self.descriptors);
        self.names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    }
}

/// What every call goes through: innermost first, as axum applies them.
fn stack(services: Router) -> Router {
    services.layer(from_fn(enforce_deadline)).layer(from_fn(guard_panics)).layer(from_fn(log_call))
}

/// Gives the handler the time that the caller gives us, and answers DEADLINE_EXCEEDED when it is over.
async fn enforce_deadline(request: Request, next: Next) -> Response {
    let Some(limit) = deadline::parse(request.headers()) else { return next.run(request).await };
    match deadline::within(limit.saturating_sub(HEAD_START), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Status::deadline_exceeded("the deadline is over").into_http(),
    }
}

/// One call's panic is one call's failure.
async fn guard_panics(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let status = Status::internal("internal error");
            status::caused_by(status, std::io::Error::other(panic_message(&*panic))).into_http()
        }
    }
}

/// What a panic said, for a log.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "without a message".to_owned()))
}

/// One line per call, with the cause of what went wrong; the caller is told only what it can act on.
async fn log_call(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.uri().path().trim_start_matches('/').to_owned();
    let response = next.run(request).await;
    let status = response.extensions().get::<Status>();
    log_line(&method, status, start.elapsed());
    response
}

fn log_line(method: &str, status: Option<&Status>, took: Duration) {
    let code = status.map_or(Code::Ok, Status::code);
    let milliseconds = took.as_secs_f64() * 1e3;
    let cause = status.and_then(|status| std::error::Error::source(status)).map(status::chain);
    match code {
        Code::Internal | Code::Unknown | Code::DataLoss | Code::Unavailable | Code::DeadlineExceeded => {
            tracing::error!(rpc.method = method, rpc.code = ?code, milliseconds, cause, "call failed");
        }
        _ => tracing::info!(rpc.method = method, rpc.code = ?code, milliseconds, cause, "call"),
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::any;
    use http::HeaderValue;
    use tower::ServiceExt;

    use super::*;

    async fn call<F>(handler: impl Fn() -> F + Clone + Send + Sync + 'static, timeout: &'static str) -> Status
    where
        F: Future<Output = String> + Send + 'static,
    {
        let router = stack(Router::new().route("/", any(handler)));
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

    #[test]
    fn a_panic_of_any_kind_has_a_message() {
        assert_eq!(panic_message(&"text"), "panic: text");
        assert_eq!(panic_message(&"text".to_owned()), "panic: text");
        assert_eq!(panic_message(&7), "panic: without a message");
    }
}
