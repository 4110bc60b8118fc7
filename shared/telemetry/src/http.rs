//! A server's HTTP requests, by the semantic conventions for HTTP: a span, `http.server.request.duration`,
//! `http.server.active_requests`.

use std::{borrow::Cow, sync::Arc};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{Extensions, Method, uri::Scheme};
use opentelemetry::{
    KeyValue, StringValue, global,
    metrics::UpDownCounter,
    trace::{FutureExt, SpanKind},
};

use crate::{CALL_SECONDS, Operation, Operations, extract};

/// Longer than any id of ours.
const LONGEST_SEGMENT: usize = 36;

/// Any method that is not known.
const OTHER: &str = "_OTHER";

/// The requests of one server.
#[derive(Clone)]
pub struct Requests(Arc<Instruments>);

struct Instruments {
    operations: Operations,
    active: UpDownCounter<i64>,
}

impl Requests {
    /// None yet.
    #[expect(clippy::new_without_default, reason = "it makes instruments, which is more than a default does")]
    pub fn new() -> Self {
        let operations = Operations::new("http", SpanKind::Server, "http.server.request.duration", CALL_SECONDS);
        let active = global::meter("http").i64_up_down_counter("http.server.active_requests").build();
        Self(Arc::new(Instruments { operations, active }))
    }

    fn begin(&self, request: &Request) -> Operation {
        let method = method(request.method());
        let route = request.extensions().get::<MatchedPath>().map(|route| StringValue::from(route.as_str().to_owned()));
        // The conventions' word, where nobody knows the method.
        let verb = if method == OTHER { "HTTP" } else { method };
        let name: Cow<'static, str> = match &route {
            Some(route) => format!("{verb} {route}").into(),
            None => verb.into(),
        };
        let mut attributes = vec![KeyValue::new("http.request.method", method), scheme(request.extensions())];
        attributes.extend(route.map(|route| KeyValue::new("http.route", route)));
        let operation = self.0.operations.begin(name, &extract(request.headers()), attributes);
        operation.describe(|| [KeyValue::new("url.path", presentable(request.uri().path()))]);
        operation
    }
}

/// The layer, outermost of all: `from_fn_with_state(Requests::new(), observe)`. A server that speaks TLS, or stands behind
/// somebody who does, says so by a [`Scheme`] among the request's extensions.
pub async fn observe(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let operation = requests.begin(&request);
    let _active = Active::count(requests, &request);
    let response = next.run(request).with_context(operation.context().clone()).await;
    let status = response.status();
    let code = KeyValue::new("http.response.status_code", i64::from(status.as_u16()));
    match status.is_server_error() {
        true => operation.fail(Some(code), status.as_str().to_owned()),
        false => operation.succeed(Some(code)),
    }
    response
}

/// A request is active until it is answered or given up.
struct Active {
    requests: Requests,
    attributes: [KeyValue; 2],
}

impl Active {
    fn count(requests: Requests, request: &Request) -> Self {
        let method = KeyValue::new("http.request.method", method(request.method()));
        let attributes = [method, scheme(request.extensions())];
        requests.0.active.add(1, &attributes);
        Self { requests, attributes }
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.requests.0.active.add(-1, &self.attributes);
    }
}

fn scheme(extensions: &Extensions) -> KeyValue {
    let is_https = extensions.get() == Some(&Scheme::HTTPS);
    KeyValue::new("url.scheme", if is_https { "https" } else { "http" })
}

/// Its name, if it is one of the nine that everybody knows: a client may make up any number of others.
pub fn method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER)
}

/// A path, for a span or the log: what cannot be an id or a name of ours may be something that nobody should read there,
/// such as an address of e-mail.
pub fn presentable(path: &str) -> String {
    let segments = path.split('/').map(|segment| if is_plain(segment) { segment } else { "*" });
    segments.collect::<Vec<_>>().join("/")
}

fn is_plain(segment: &str) -> bool {
    segment.len() <= LONGEST_SEGMENT
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_shows_ids_and_names_only() {
        let id = "/v1/users/0199aa5e-1111-7abc-8def-0123456789ab/orders";
        assert_eq!(presentable(id), id);
        assert_eq!(presentable("/.well-known/jwks.json"), "/.well-known/jwks.json");
        assert_eq!(presentable("/v1/users/ada@example.com"), "/v1/users/*");
        assert_eq!(presentable("/v1/users/ada%40example.com"), "/v1/users/*");
        assert_eq!(presentable(&format!("/v1/{}/x", "a".repeat(37))), "/v1/*/x");
    }

    #[test]
    fn methods_that_nobody_knows_are_one() {
        assert_eq!(method(&Method::PATCH), "PATCH");
        assert_eq!(method(&Method::from_bytes(b"BREW").unwrap()), "_OTHER");
    }
}
