//! A real provider, and a paper to print on.

mod bounds;
mod lines;
mod printing;

use std::{
    io,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceState, Tracer as _, TracerProvider as _},
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use super::Trees;

/// A process that prints its traces here.
struct Shop {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    paper: Paper,
}

impl Shop {
    fn open() -> Self {
        Self::with_colour(false)
    }

    fn with_colour(colour: bool) -> Self {
        let paper = Paper::default();
        let provider = SdkTracerProvider::builder().with_span_processor(Trees::new(paper.clone(), colour)).build();
        Self { tracer: provider.tracer("shop"), provider, paper }
    }

    fn start(&self, parent: &Context, name: &str, at: u64) -> Context {
        let span = self.tracer.span_builder(name.to_owned()).with_start_time(time(at));
        parent.with_span(span.start_with_context(&self.tracer, parent))
    }

    /// What was written since the last time, a string for each write.
    fn printed(&self) -> Vec<String> {
        self.paper.0.lock().unwrap().drain(..).collect()
    }

    /// The labels of what was written.
    fn names(&self) -> Vec<String> {
        self.printed().concat().lines().skip(1).map(label).collect()
    }
}

/// What stands before the duration.
fn label(line: &str) -> String {
    let before = line[1..].split(" ms ").next().unwrap();
    before.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end().to_owned()
}

/// A request from another process, which continues this trace.
fn from_afar(trace: u128) -> Context {
    let caller = SpanId::from(99);
    let caller = SpanContext::new(trace.into(), caller, TraceFlags::SAMPLED, true, TraceState::default());
    Context::new().with_remote_span_context(caller)
}

fn end(span: &Context, at: u64) {
    span.span().end_with_timestamp(time(at));
}

fn time(milliseconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds)
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<String>>>);

impl io::Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
