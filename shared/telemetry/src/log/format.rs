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

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use opentelemetry::{SpanId, TraceFlags, TraceId, trace::TraceState};
    use tracing_subscriber::{Layer, Registry, fmt, layer::SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The line of an event, and that of the same event within a span.
    fn lines(layer: impl FnOnce(Lines) -> Box<dyn Layer<Registry> + Send + Sync>) -> [String; 2] {
        let lines = Lines::default();
        let _logging = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer(lines.clone())));
        let log = || tracing::info!(status = 200, "request");
        log();
        let (trace, span) = (TraceId::from(0x4bf9), SpanId::from(0xf067));
        let span = SpanContext::new(trace, span, TraceFlags::NOT_SAMPLED, false, TraceState::NONE);
        let within = Context::new().with_remote_span_context(span).attach();
        log();
        drop(within);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(text.ends_with('\n'), "{text}");
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.try_into().unwrap()
    }

    #[test]
    fn a_line_of_text_ends_with_its_trace() {
        let [outside, within] =
            lines(|out| fmt::layer().event_format(Text::new(false)).with_writer(move || out.clone()).boxed());
        assert!(outside.ends_with("INFO telemetry::log::format::tests: request status=200"), "{outside}");
        let trace = "trace_id=00000000000000000000000000004bf9 span_id=000000000000f067";
        assert!(within.ends_with(&format!("request status=200 {trace}")), "{within}");
    }

    #[test]
    fn an_object_has_its_trace_as_well() {
        let [outside, within] =
            lines(|out| fmt::layer().json().event_format(Json::new()).with_writer(move || out.clone()).boxed());
        let [outside, within] = [outside, within].map(|line| serde_json::from_str::<serde_json::Value>(&line).unwrap());
        for line in [&outside, &within] {
            assert_eq!(
                (&line["message"], &line["status"], &line["level"]),
                (&"request".into(), &200.into(), &"INFO".into())
            );
        }
        assert_eq!((outside.get("trace_id"), outside.get("span_id")), (None, None));
        assert_eq!(within["trace_id"], "00000000000000000000000000004bf9");
        assert_eq!(within["span_id"], "000000000000f067");
    }
}
