//! Which traces are recorded: a share of those that begin here, and those of others as they have decided.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use clap::Parser;
use http::{HeaderMap, HeaderValue};
use opentelemetry::{
    Context, global,
    trace::{Span, SpanContext, Tracer},
};
use telemetry::{extract, set_sampling_ratio};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: telemetry::Config,
}

const THEIRS: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A trace that somebody else has begun, who records it (`01`) or does not (`00`).
fn theirs(flags: &str) -> Context {
    let traceparent = HeaderValue::try_from(format!("00-{THEIRS}-00f067aa0ba902b7-{flags}")).unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("traceparent", traceparent);
    extract(&headers)
}

/// A span as it begins, as a part of this.
fn begun(parent: &Context) -> SpanContext {
    global::tracer("test").start_with_context("work", parent).span_context().clone()
}

/// Whether a trace that begins here is recorded.
fn is_recorded() -> bool {
    begun(&Context::new()).is_sampled()
}

/// There is one sampler in a process, and so one story.
#[tokio::test(flavor = "multi_thread")]
async fn the_share_of_traces_that_are_recorded_can_be_changed_and_changed_back() {
    assert!(set_sampling_ratio(Some("1")).is_err(), "there is nothing to change yet");
    let somewhere = ["--otel-exporter-otlp-endpoint", "http://127.0.0.1:1", "--log-filter", "off"];
    let settings = ["test", "--otel-traces-sampler-arg", "0"].iter().chain(&somewhere);
    let _telemetry = telemetry::init(&Cli::parse_from(settings).telemetry, "test", "1").unwrap();

    assert!(!is_recorded());
    assert!(begun(&Context::new()).is_valid(), "the log needs an id all the same");
    let ours = begun(&theirs("01"));
    assert!(ours.is_sampled(), "whoever began it wants it to be recorded");
    assert_eq!(ours.trace_id().to_string(), THEIRS);

    set_sampling_ratio(Some("1")).unwrap();
    assert!(is_recorded());
    assert!(!begun(&theirs("00")).is_sampled(), "whoever began it does not want it to be recorded");

    for text in ["often", "1.1", "-1", "NaN", ""] {
        assert!(set_sampling_ratio(Some(text)).is_err(), "{text}");
        assert!(is_recorded(), "{text} has changed something");
    }
    set_sampling_ratio(Some("0.5")).unwrap();
    let recorded = (0..1_000).filter(|_| is_recorded()).count();
    assert!((350..650).contains(&recorded), "{recorded} of 1,000");

    set_sampling_ratio(None).unwrap();
    assert!(!is_recorded(), "it is as it was configured");
}
