//! The traces that have open spans in this process, and what is known of each so far.

use std::{collections::HashSet, vec};

use opentelemetry::trace::{SpanContext, SpanId, TraceId};
use opentelemetry_sdk::trace::SpanData;

use super::span::EndedSpan;

/// How many traces may be open at once; the oldest makes room.
const MOST_TRACES: usize = 256;

/// How many spans are kept of a trace: the first to start, so that no branch loses its trunk.
const MOST_SPANS: usize = 512;

/// Oldest first; each has an open span.
#[derive(Default)]
pub(super) struct OpenTraces(Vec<Trace>);

impl OpenTraces {
    /// Returns the trace that is given up for this one, if any.
    pub(super) fn start(&mut self, span: &SpanContext) -> Option<Trace> {
        let id = span.trace_id();
        if let Some(trace) = self.0.iter_mut().find(|trace| trace.id == id) {
            trace.start(span.span_id());
            return None;
        }
        let given_up = (self.0.len() == MOST_TRACES).then(|| self.0.remove(0));
        self.0.push(Trace::begin(id, span.span_id()));
        given_up
    }

    /// Returns the trace, if this was the last of its open spans.
    pub(super) fn end(&mut self, span: SpanData) -> Option<Trace> {
        let id = span.span_context.trace_id();
        let index = self.0.iter().position(|trace| trace.id == id)?;
        self.0[index].end(span);
        self.0[index].open.is_empty().then(|| self.0.remove(index))
    }
}

impl IntoIterator for OpenTraces {
    type Item = Trace;
    type IntoIter = vec::IntoIter<Trace>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The part of a trace that this process has seen.
pub(super) struct Trace {
    pub(super) id: TraceId,
    pub(super) open: HashSet<SpanId>,
    pub(super) ended: Vec<EndedSpan>,
    /// How many spans started when there was no room for more.
    pub(super) left_out: usize,
}

impl Trace {
    fn begin(id: TraceId, span: SpanId) -> Self {
        Self { id, open: HashSet::from([span]), ended: Vec::new(), left_out: 0 }
    }

    fn start(&mut self, span: SpanId) {
        if self.open.len() + self.ended.len() < MOST_SPANS {
            self.open.insert(span);
        } else {
            self.left_out += 1;
        }
    }

    fn end(&mut self, span: SpanData) {
        // What was left out ends too, and so do the spans of a trace that was given up and has come back.
        if self.open.remove(&span.span_context.span_id()) {
            self.ended.push(span.into());
        }
    }
}
