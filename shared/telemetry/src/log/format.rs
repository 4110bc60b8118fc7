//! How a line looks: as tracing writes it, with the trace that it belongs to.

use std::fmt;

use opentelemetry::{
    Context,
    trace::{SpanContext, TraceContextExt},
};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Format, Full, Writer},
    },
    registry::LookupSpan,
};

/// One object a line: the event's fields, `trace_id` and `span_id`.
pub struct Json(Format<format::Json>);

impl Json {
    pub fn new() -> Self {
        Self(format().json().flatten_event(true).with_current_span(false).with_span_list(false))
    }
}

/// One line of text.
pub struct Text(Format<Full>);

impl Text {
    pub fn new(ansi: bool) -> Self {
        Self(format().with_ansi(ansi))
    }
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(span) = current() else { return self.0.format_event(context, out, event) };
        let line = formatted(&self.0, context, event)?;
        let object = line.strip_suffix('}').ok_or(fmt::Error)?;
        writeln!(out, r#"{object},"trace_id":"{}","span_id":"{}"}}"#, span.trace_id(), span.span_id())
    }
}

impl<S, N> FormatEvent<S, N> for Text
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(span) = current() else { return self.0.format_event(context, out, event) };
        let line = formatted(&self.0, context, event)?;
        writeln!(out, "{line} trace_id={} span_id={}", span.trace_id(), span.span_id())
    }
}

fn current() -> Option<SpanContext> {
    Context::map_current(|context| context.has_active_span().then(|| context.span().span_context().clone()))
        .filter(SpanContext::is_valid)
}

/// The line, without its end.
fn formatted<S, N>(
    format: &impl FormatEvent<S, N>,
    context: &FmtContext<'_, S, N>,
    event: &Event<'_>,
) -> Result<String, fmt::Error>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    let mut line = String::with_capacity(512);
    format.format_event(context, Writer::new(&mut line), event)?;
    line.truncate(line.trim_end().len());
    Ok(line)
}

fn format() -> Format {
    tracing_subscriber::fmt::format()
}
