//! Prints every trace as a tree of its spans, once the last that is open in this process has ended.

mod branches;
mod drawing;
mod open_traces;
mod span;
#[cfg(test)]
mod tests;
mod text;
mod timeline;

use std::{
    fmt,
    io::Write,
    mem,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use opentelemetry::{Context, trace::Span as _};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanProcessor},
};

use self::open_traces::{OpenTraces, Trace};

/// A span processor that prints for people.
pub(crate) struct Trees {
    open: Mutex<OpenTraces>,
    out: Mutex<Box<dyn Write + Send>>,
    colour: bool,
}

impl Trees {
    /// Prints each trace to `out` by one write, with ANSI colours or without.
    pub(crate) fn new(out: impl Write + Send + 'static, colour: bool) -> Self {
        Self { open: Mutex::default(), out: Mutex::new(Box::new(out)), colour }
    }

    fn print(&self, trace: &Trace) {
        let tree = drawing::draw(trace, self.colour);
        let mut out = lock(&self.out);
        // A request does not fail because nobody can watch it.
        let _ = out.write_all(tree.as_bytes()).and_then(|()| out.flush());
    }
}

impl SpanProcessor for Trees {
    fn on_start(&self, span: &mut Span, _: &Context) {
        let given_up = lock(&self.open).start(span.span_context());
        given_up.iter().for_each(|trace| self.print(trace));
    }

    fn on_end(&self, span: SpanData) {
        let complete = lock(&self.open).end(span);
        complete.iter().for_each(|trace| self.print(trace));
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        let unfinished = mem::take(&mut *lock(&self.open));
        unfinished.into_iter().for_each(|trace| self.print(&trace));
        Ok(())
    }
}

impl fmt::Debug for Trees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trees").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
