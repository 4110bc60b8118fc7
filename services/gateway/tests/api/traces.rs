//! The trace of a request: from the client through the gateway to the services, and what is not believed of it.

use axum::http::HeaderValue;
use opentelemetry::trace::SpanKind;
use testkit::{Logs, told::Trace};
use tracing::Level;

use crate::harness::{Answer, Gateway, bare, with};

const PRODUCTS: &str = "/v1/products";

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The ids of the trace and of the span that a well-formed `traceparent` names.
#[track_caller]
pub fn ids(traceparent: &str) -> (&str, &str) {
    let parts: Vec<_> = traceparent.split('-').collect();
    let [version, trace, span, flags] = parts[..] else { panic!("{traceparent}") };
    assert_eq!((version, trace.len(), span.len(), flags.len()), ("00", 32, 16, 2), "{traceparent}");
    for id in [trace, span] {
        assert!(u128::from_str_radix(id, 16).unwrap() > 0, "{traceparent}");
    }
    (trace, span)
}

impl Gateway {
    /// What the catalogue was told of the trace of the last request.
    fn passed_on(&self) -> String {
        self.orders.metadata("traceparent").expect("a call belongs to a trace")
    }

    /// Asks for products, with these headers besides.
    async fn products(&self, headers: &[(&'static str, HeaderValue)]) -> Answer {
        let request = bare("GET", PRODUCTS);
        let with_header = |request, (name, value): &(&'static str, HeaderValue)| with(request, name, value.clone());
        self.send(headers.iter().fold(request, with_header)).await
    }
}

#[tokio::test]
async fn a_clients_trace_goes_through_the_gateway_to_the_services() {
    let trace = Trace::begin();
    let gateway = Gateway::start().await;
    gateway.send(with(bare("GET", PRODUCTS), "traceparent", trace.traceparent())).await.ok(200);

    let request = trace.span(SpanKind::Server, "GET /v1/products").await;
    let call = trace.span(SpanKind::Client, "orders.v1.CatalogService/ListProducts").await;
    let answer = trace.span(SpanKind::Server, "orders.v1.CatalogService/ListProducts").await;
    assert_eq!((request.parent, call.parent, answer.parent), (trace.root(), request.id, call.id));
    assert_eq!(gateway.passed_on(), format!("00-{}-{}-01", trace.id(), call.id));
}

#[tokio::test]
async fn a_client_without_a_trace_gets_one_for_each_request() {
    let trace = Trace::begin();
    let gateway = Gateway::start().await;
    gateway.products(&[]).await.ok(200);
    let first = gateway.passed_on();
    gateway.products(&[]).await.ok(200);
    let second = gateway.passed_on();
    assert_ne!(ids(&first).0, ids(&second).0);
    assert_ne!(ids(&first).0, trace.id());
}

/// Whatever is in them: a client's headers of its trace are nothing that a request could fail of.
fn hostile() -> Vec<Vec<(&'static str, HeaderValue)>> {
    let text = |text: &str| HeaderValue::from_bytes(text.as_bytes()).unwrap();
    let baggage = |length| text(&format!("tenant={}", "7".repeat(length)));
    let state = |length| text(&format!("vendor={}", "v".repeat(length)));
    let malformed = [
        "",
        "nonsense",
        "\u{e9}\u{fffd}",
        "00-00000000000000000000000000000000-0000000000000000-00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00F067AA0BA902B7-01",
        "00-1-1-01",
        &"0".repeat(10_000),
    ];
    let mut hostile: Vec<_> = malformed.iter().map(|parent| vec![("traceparent", text(parent))]).collect();
    let traceparent = ("traceparent", text(TRACEPARENT));
    hostile.push(vec![traceparent.clone(), traceparent.clone()]);
    hostile.push(vec![("tracestate", HeaderValue::from_bytes(b"\xff\xfe=,,,").unwrap())]);
    hostile.push(vec![("baggage", HeaderValue::from_bytes(b"\xff\xfe=;;,,=%zz").unwrap())]);
    hostile.push(vec![("baggage", baggage(10_000))]);
    hostile.push(vec![traceparent.clone(), ("tracestate", state(10_000))]);
    hostile.push(vec![traceparent.clone(), ("tracestate", state(8_000)), ("baggage", baggage(8_000))]);
    hostile.push(vec![("baggage", baggage(4_000)), ("baggage", baggage(4_000)), ("baggage", baggage(4_000))]);
    hostile
}

#[tokio::test]
async fn hostile_headers_change_nothing_of_an_answer() {
    let _listening = Trace::begin();
    let gateway = Gateway::start().await;
    let answer = gateway.products(&[]).await;
    for headers in hostile() {
        let told = format!("{headers:?}").chars().take(200).collect::<String>();
        let same = gateway.products(&headers).await;
        assert_eq!((same.status, &same.body), (answer.status, &answer.body), "{told}");
        assert!(same.headers.keys().eq(answer.headers.keys()), "{told}: {:?}", same.headers);
        ids(&gateway.passed_on());
        let heavy = ["tracestate", "baggage"].map(|name| gateway.orders.metadata(name).unwrap_or_default().len());
        assert!(heavy[0] <= 512 && heavy[1] <= 4096, "{told}: {heavy:?}");
    }
}

#[tokio::test]
async fn an_address_of_e_mail_in_a_path_is_nobodys_to_read() {
    let trace = Trace::begin();
    let logs = Logs::capture_from(Level::INFO);
    let gateway = Gateway::start().await;
    for (path, status) in [("/v1/users/ada@example.com", 401), ("/v1/nothing/ada%40example.com", 404)] {
        gateway.send(with(bare("GET", path), "traceparent", trace.traceparent())).await.problem(status);
    }
    let path = bare("GET", "/v1/products/ada@example.com");
    gateway.send(with(path, "traceparent", trace.traceparent())).await.ok(200);

    let log = logs.text();
    assert_eq!(log.matches("path=\"/v1/users/*\"").count(), 1, "{log}");
    assert_eq!(log.matches("path=\"/v1/nothing/*\"").count(), 1, "{log}");
    let spans = trace.spans();
    assert_eq!(spans.iter().filter(|span| span.attribute("url.path") == Some("/v1/products/*")).count(), 1);
    for told in [log, format!("{spans:?}"), telemetry::prometheus_text().unwrap()] {
        assert!(!told.contains("example.com"), "{told}");
    }
}
