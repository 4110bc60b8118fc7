//! A trace goes on to upstream, in our words.

use axum::http::HeaderValue;
use opentelemetry::trace::SpanKind;
use testkit::told::{Trace, metric};

use super::{JWKS, start};
use crate::{
    harness::{bare, with},
    traces::ids,
};

#[tokio::test]
async fn the_proxy_passes_a_trace_on_in_place_of_what_the_client_said() {
    let trace = Trace::begin();
    let (gateway, upstream, address) = start().await;
    let request = with(bare("GET", JWKS), "traceparent", trace.traceparent());
    gateway.send(with(request, "baggage", "tenant=seven")).await;

    let request = trace.span(SpanKind::Server, "GET /.well-known/jwks.json").await;
    let call = trace.span(SpanKind::Client, "GET").await;
    assert_eq!((request.parent, call.parent), (trace.root(), request.id));
    let seen = upstream.seen().remove(0);
    let told: Vec<_> = seen.headers.get_all("traceparent").iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(told, [format!("00-{}-{}-01", trace.id(), call.id)]);
    assert_eq!(seen.headers["baggage"], "tenant=seven");

    // It answers 418.
    assert_eq!((call.attribute("http.response.status_code"), call.attribute("error.type")), (Some("418"), Some("418")));
    let (port, count) = (address.port().to_string(), "http_client_request_duration_seconds_count");
    assert_eq!(call.attribute("server.port"), Some(port.as_str()));
    let labels = [("http_request_method", "GET"), ("server_port", &port), ("http_response_status_code", "418")];
    assert_eq!(metric(count, &labels), Some(1.0));
}

#[tokio::test]
async fn the_proxy_believes_no_more_of_a_trace_than_the_gateway() {
    let _listening = Trace::begin();
    let (gateway, upstream, _) = start().await;
    let nonsense = "00-00000000000000000000000000000000-0000000000000000-01";
    let request = with(bare("GET", JWKS), "traceparent", nonsense);
    let request = with(with(request, "tracestate", "x".repeat(10_000)), "baggage", "x".repeat(10_000));
    gateway.send(request).await;
    let seen = upstream.seen().remove(0);
    ids(seen.headers["traceparent"].to_str().unwrap());
    assert!(seen.headers.get("tracestate").is_none_or(HeaderValue::is_empty), "{seen:?}");
    assert!(!seen.headers.contains_key("baggage"), "{seen:?}");
}
