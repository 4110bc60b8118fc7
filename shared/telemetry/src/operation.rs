//! Something that is done for somebody, told twice: as a span of a trace, and as a point in a histogram.

use std::{borrow::Cow, time::Instant};

use opentelemetry::{
    Context, InstrumentationScope, KeyValue, Value,
    global::{self, BoxedTracer},
    metrics::Histogram,
    trace::{Span, SpanKind, Status, TraceContextExt, Tracer},
};

/// The boundaries of a histogram of requests and calls, in seconds (semantic conventions, HTTP and RPC metrics).
pub const CALL_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// The same of statements (semantic conventions, database metrics).
pub const STATEMENT_SECONDS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Operations of one kind.
pub struct Operations {
    tracer: BoxedTracer,
    kind: SpanKind,
    duration: Histogram<f64>,
}

impl Operations {
    /// `metric` is a histogram's name, its unit the second; `scope` says whose it is.
    pub fn new(scope: &'static str, kind: SpanKind, metric: &'static str, boundaries: &[f64]) -> Self {
        let scope = InstrumentationScope::builder(scope).build();
        let meter = global::meter_with_scope(scope.clone());
        let duration = meter.f64_histogram(metric).with_unit("s").with_boundaries(boundaries.to_vec()).build();
        Self { tracer: global::tracer_with_scope(scope), kind, duration }
    }

    /// One begins, as a part of `parent`. The attributes are the span's and the measurement's: they have few values.
    pub fn begin(&self, name: impl Into<Cow<'static, str>>, parent: &Context, attributes: Vec<KeyValue>) -> Operation {
        let builder = self.tracer.span_builder(name).with_kind(self.kind.clone());
        let mut span = self.tracer.build_with_context(builder, parent);
        if span.is_recording() {
            span.set_attributes(attributes.iter().cloned());
        }
        let duration = Some(self.duration.clone());
        Operation { context: parent.with_span(span), began: Instant::now(), duration, attributes }
    }
}

/// One that is under way. If it is dropped it was given up, which is told as the error `cancelled`.
pub struct Operation {
    context: Context,
    began: Instant,
    /// Until it has ended.
    duration: Option<Histogram<f64>>,
    attributes: Vec<KeyValue>,
}

impl Operation {
    /// What others are a part of while it is under way.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Adds what only the span tells, if anybody will read it: it may have any number of values.
    pub fn describe<const N: usize>(&self, attributes: impl FnOnce() -> [KeyValue; N]) {
        let span = self.context.span();
        if span.is_recording() {
            span.set_attributes(attributes());
        }
    }

    /// It is done; `outcome` has few values.
    pub fn succeed(mut self, outcome: Option<KeyValue>) {
        self.finish(outcome, None);
    }

    /// It has failed, by an `error` of few values (the attribute `error.type`).
    pub fn fail(mut self, outcome: Option<KeyValue>, error: impl Into<Value>) {
        self.finish(outcome, Some(error.into()));
    }

    fn finish(&mut self, outcome: Option<KeyValue>, error: Option<Value>) {
        let Some(duration) = self.duration.take() else { return };
        let span = self.context.span();
        let known = self.attributes.len();
        self.attributes.extend(outcome);
        if let Some(error) = error {
            span.set_status(Status::error(error.to_string()));
            self.attributes.push(KeyValue::new("error.type", error));
        }
        duration.record(self.began.elapsed().as_secs_f64(), &self.attributes);
        if span.is_recording() {
            span.set_attributes(self.attributes.drain(known..));
        }
        span.end();
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.finish(None, Some("cancelled".into()));
    }
}
