//! An operation is a span and a measurement, which say the same.

use std::cell::Cell;

use opentelemetry::{
    Context, KeyValue,
    trace::{SpanKind, Status, TraceContextExt},
};
use telemetry::{CALL_SECONDS, Operations, STATEMENT_SECONDS, prometheus_text};
use testkit::told::{self, Trace, metric};

/// Operations whose measurements are a test's own: `metric` is a name that no other test has.
fn operations(metric: &'static str) -> Operations {
    told::listen();
    Operations::new("test", SpanKind::Client, metric, CALL_SECONDS)
}

fn shelf() -> Vec<KeyValue> {
    vec![KeyValue::new("shelf", "oak")]
}

#[tokio::test]
async fn a_success_is_told_by_its_span_and_its_measurement() {
    let (operations, trace) = (operations("success.duration"), Trace::begin());
    let operation = operations.begin("fetch", &trace.context(), shelf());
    assert!(trace.spans().is_empty(), "it is under way");
    assert_eq!(metric("success_duration_seconds_count", &[]), None);
    operation.succeed(Some(KeyValue::new("outcome", "fetched")));

    let span = trace.span(SpanKind::Client, "fetch").await;
    assert_eq!((span.parent, &span.status), (trace.root(), &Status::Unset));
    assert_eq!((span.attribute("shelf"), span.attribute("outcome")), (Some("oak"), Some("fetched")));
    assert_eq!(span.attribute("error.type"), None);
    let labels = [("shelf", "oak"), ("outcome", "fetched")];
    assert_eq!(metric("success_duration_seconds_count", &labels), Some(1.0));
    assert_eq!(metric("success_duration_seconds_count", &[("error_type", "")]), None);
}

#[tokio::test]
async fn a_failure_names_its_kind_in_both() {
    let (operations, trace) = (operations("failure.duration"), Trace::begin());
    let operation = operations.begin("fetch", &trace.context(), shelf());
    operation.fail(Some(KeyValue::new("outcome", "nothing")), "too_late");

    let span = trace.span(SpanKind::Client, "fetch").await;
    assert_eq!(span.status, Status::error("too_late"));
    assert_eq!((span.attribute("outcome"), span.attribute("error.type")), (Some("nothing"), Some("too_late")));
    let labels = [("shelf", "oak"), ("outcome", "nothing"), ("error_type", "too_late")];
    assert_eq!(metric("failure_duration_seconds_count", &labels), Some(1.0));
}

#[tokio::test]
async fn one_that_is_given_up_was_cancelled() {
    let (operations, trace) = (operations("cancelled.duration"), Trace::begin());
    drop(operations.begin("fetch", &trace.context(), shelf()));

    let span = trace.span(SpanKind::Client, "fetch").await;
    assert_eq!((span.attribute("error.type"), &span.status), (Some("cancelled"), &Status::error("cancelled")));
    assert_eq!(metric("cancelled_duration_seconds_count", &[("error_type", "cancelled")]), Some(1.0));
    assert_eq!(metric("cancelled_duration_seconds_count", &[]), Some(1.0), "and it is told once");
}

#[tokio::test]
async fn what_may_have_any_number_of_values_is_for_the_span_alone() {
    let (operations, trace) = (operations("described.duration"), Trace::begin());
    let operation = operations.begin("fetch", &trace.context(), shelf());
    operation.describe(|| [KeyValue::new("order.id", "0199aa5e")]);
    operation.succeed(None);
    assert_eq!(trace.span(SpanKind::Client, "fetch").await.attribute("order.id"), Some("0199aa5e"));
    assert_eq!(metric("described_duration_seconds_count", &[]), Some(1.0));
    assert!(!prometheus_text().unwrap().contains("0199aa5e"));
}

#[test]
fn what_nobody_records_is_measured_but_not_described() {
    let (operations, trace) = (operations("unrecorded.duration"), Trace::begin_unrecorded());
    let (operation, asked) = (operations.begin("fetch", &trace.context(), shelf()), Cell::new(false));
    operation.describe(|| {
        asked.set(true);
        []
    });
    // Those further in belong to the same trace nevertheless.
    assert_eq!(operation.context().span().span_context().trace_id().to_string(), trace.id());
    operation.fail(None, "too_late");
    assert!(!asked.get());
    assert!(trace.spans().is_empty());
    assert_eq!(metric("unrecorded_duration_seconds_count", &[("error_type", "too_late")]), Some(1.0));
}

#[tokio::test]
async fn what_is_done_within_is_a_part_of_it() {
    let (operations, trace) = (operations("nested.duration"), Trace::begin());
    let outer = operations.begin("outer", &trace.context(), Vec::new());
    operations.begin("inner", outer.context(), Vec::new()).succeed(None);
    outer.succeed(None);
    let (outer, inner) = (trace.span(SpanKind::Client, "outer").await, trace.span(SpanKind::Client, "inner").await);
    assert_eq!((inner.parent, outer.parent), (outer.id, trace.root()));
}

#[test]
fn durations_are_counted_by_the_boundaries_of_the_conventions() {
    told::listen();
    for (name, boundaries) in [("calls.duration", CALL_SECONDS), ("statements.duration", STATEMENT_SECONDS)] {
        let operations = Operations::new("test", SpanKind::Internal, name, boundaries);
        operations.begin("fetch", &Context::new(), Vec::new()).succeed(None);
    }
    let limits = |bucket: &str| {
        let text = prometheus_text().unwrap();
        let of_metric = text.lines().filter(|line| line.starts_with(bucket));
        of_metric.map(|line| line.split('"').nth(1).unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };
    let calls = "0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf";
    assert_eq!(limits("calls_duration_seconds_bucket{le="), calls);
    assert_eq!(limits("statements_duration_seconds_bucket{le="), "0.001 0.005 0.01 0.05 0.1 0.5 1 5 10 +Inf");
}
