//! The requests of a server, by the route that they took, whatever became of them.

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::StatusCode,
    middleware::from_fn_with_state,
    response::Response,
    routing::{any, get},
};
use opentelemetry::{
    global,
    trace::{SpanKind, Tracer},
};
use telemetry::http::{Requests, observe};
use testkit::told::{self, Span, Trace, metric};
use tokio::sync::mpsc;
use tower::ServiceExt;

/// A server whose routes begin with a name of the test's own, which tells its measurements from those of others.
struct Server {
    name: &'static str,
    router: Router,
    /// Says that `hang` was asked.
    reached: mpsc::UnboundedReceiver<()>,
}

impl Server {
    fn start(name: &'static str) -> Self {
        told::listen();
        let (reach, reached) = mpsc::unbounded_channel();
        let hang = move || async move {
            reach.send(()).unwrap();
            std::future::pending::<()>().await;
        };
        let within = || async { drop(global::tracer("test").start("within")) };
        let routes = Router::new()
            .route("/orders/{id}", any(within))
            .route("/hang", any(hang))
            .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
            .route("/broken", get(|| async { StatusCode::BAD_GATEWAY }));
        let requests = Requests::new();
        let router = Router::new()
            .nest(&format!("/{name}"), routes)
            .fallback(|| async { StatusCode::NOT_FOUND })
            .layer(from_fn_with_state(requests, observe));
        Self { name, router, reached }
    }

    fn request(&self, trace: &Trace, method: &str, path: &str) -> Request {
        let uri = format!("/{}{path}", self.name);
        let request = Request::builder().method(method).uri(uri).header("traceparent", trace.traceparent());
        request.body(Body::empty()).unwrap()
    }

    async fn answer(&self, trace: &Trace, method: &str, path: &str) -> Response {
        self.router.clone().oneshot(self.request(trace, method, path)).await.unwrap()
    }

    /// The span of a request by GET that was answered.
    async fn told(&self, path: &str) -> Span {
        let trace = Trace::begin();
        self.answer(&trace, "GET", path).await;
        let span = trace.spans().into_iter().find(|span| span.kind == SpanKind::Server).unwrap();
        assert_eq!(span.parent, trace.root());
        span
    }

    fn count(&self, route: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let route = format!("/{}{route}", self.name);
        let labels = [&[("http_route", route.as_str()), ("url_scheme", "http")], labels].concat();
        metric("http_server_request_duration_seconds_count", &labels)
    }
}

#[tokio::test]
async fn a_request_is_told_by_its_route_and_not_by_its_path() {
    let server = Server::start("told");
    let span = server.told("/orders/0199aa5e").await;
    assert_eq!(span.name, "GET /told/orders/{id}");
    let expected = [
        ("http.request.method", "GET"),
        ("url.scheme", "http"),
        ("http.route", "/told/orders/{id}"),
        ("http.response.status_code", "200"),
        ("url.path", "/told/orders/0199aa5e"),
    ];
    for (name, value) in expected {
        assert_eq!(span.attribute(name), Some(value), "{name}");
    }
    let labels = [("http_request_method", "GET"), ("http_response_status_code", "200")];
    assert_eq!(server.count("/orders/{id}", &labels), Some(1.0));
    assert_eq!(metric("http_server_request_duration_seconds_count", &[("url_path", "/told/orders/0199aa5e")]), None);
}

#[tokio::test]
async fn what_a_handler_does_is_a_part_of_its_request() {
    let (server, trace) = (Server::start("within"), Trace::begin());
    server.answer(&trace, "GET", "/orders/7").await;
    let request = trace.span(SpanKind::Server, "GET /within/orders/{id}").await;
    assert_eq!(trace.span(SpanKind::Internal, "within").await.parent, request.id);
}

#[tokio::test]
async fn methods_that_clients_make_up_are_one() {
    let server = Server::start("methods");
    for method in ["BREW", "get", "PROPFIND"] {
        let trace = Trace::begin();
        server.answer(&trace, method, "/orders/7").await;
        let span = trace.span(SpanKind::Server, "HTTP /methods/orders/{id}").await;
        assert_eq!(span.attribute("http.request.method"), Some("_OTHER"), "{method}");
    }
    assert_eq!(server.count("/orders/{id}", &[("http_request_method", "_OTHER")]), Some(3.0));
    assert_eq!(server.count("/orders/{id}", &[]), Some(3.0));
}

#[tokio::test]
async fn a_servers_failure_is_an_error_and_a_clients_mistake_is_none() {
    let server = Server::start("blame");
    let ours = server.told("/broken").await;
    assert!(ours.has_failed());
    assert_eq!((ours.attribute("error.type"), ours.attribute("http.response.status_code")), (Some("502"), Some("502")));
    assert_eq!(server.count("/broken", &[("error_type", "502"), ("http_response_status_code", "502")]), Some(1.0));

    let theirs = server.told("/missing").await;
    assert!(!theirs.has_failed());
    assert_eq!((theirs.attribute("error.type"), theirs.attribute("http.response.status_code")), (None, Some("404")));
    assert_eq!(server.count("/missing", &[("http_response_status_code", "404")]), Some(1.0));
    assert_eq!(server.count("/missing", &[("error_type", "404")]), None);
}

#[tokio::test]
async fn a_path_that_leads_nowhere_has_no_route() {
    let server = Server::start("nowhere");
    for path in ["/made-up", "/made-up-too", "/ada@example.com"] {
        let span = server.told(path).await;
        assert_eq!((span.name.as_str(), span.attribute("http.route")), ("GET", None));
        assert!(span.attribute("url.path").is_some_and(|path| !path.contains("ada")), "{span:?}");
    }
    let text = telemetry::prometheus_text().unwrap();
    assert!(!text.contains("made-up"), "{text}");
}

#[tokio::test]
async fn a_request_is_active_until_it_is_answered_or_given_up() {
    // This method is nobody else's here.
    let labels = [("http_request_method", "TRACE"), ("url_scheme", "http")];
    let active = || metric("http_server_active_requests", &labels);
    let (mut server, trace) = (Server::start("active"), Trace::begin());
    server.answer(&trace, "TRACE", "/orders/7").await;
    assert_eq!(active(), Some(0.0));

    let request = server.request(&trace, "TRACE", "/hang");
    let hanging = tokio::spawn(server.router.clone().oneshot(request));
    server.reached.recv().await.unwrap();
    assert_eq!(active(), Some(1.0));
    hanging.abort();
    assert!(hanging.await.unwrap_err().is_cancelled());
    assert_eq!(active(), Some(0.0));
    let span = trace.span(SpanKind::Server, "TRACE /active/hang").await;
    assert_eq!((span.attribute("error.type"), span.attribute("http.response.status_code")), (Some("cancelled"), None));
    assert_eq!(server.count("/hang", &[("error_type", "cancelled")]), Some(1.0));
}
