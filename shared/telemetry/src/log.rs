//! The log: each event is a line on stdout, and a record for a collector unless it belongs to a trace that is not recorded.
//! One filter, which can be changed, is for both.
//!
//! The filter is that of the whole subscriber. Layers with filters of their own would lose events: whoever asks whether a
//! statement is to be logged, as sqlx does after each one, would take the next event of the thread away (tracing #2519).

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
};

use anyhow::Context as _;
use opentelemetry::{Context as Trace, trace::TraceContextExt};
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::{Resource, logs::SdkLoggerProvider};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::ParseError, fmt, layer::Context, layer::SubscriberExt, registry, reload,
    util::SubscriberInitExt,
};

use self::format::{Json, Text};
pub(crate) use self::stdout::Lines;
use crate::{Config, LogFormat, LogsExporter, export};

mod format;
mod stdout;

/// What sends the records has events of its own, which would be sent as well, and so on.
const SENDERS: [&str; 6] = ["h2", "hyper", "opentelemetry", "reqwest", "tonic", "tower"];

/// Who did what that matters for security.
const AUDIT: &str = "audit";

/// There is one subscriber in a process, and so one filter.
static LOG_FILTER: OnceLock<LogFilter> = OnceLock::new();

struct LogFilter {
    configured: String,
    handle: reload::Handle<EnvFilter, Registry>,
}

/// Nothing, where the log goes to stdout only.
pub(crate) fn provider(config: &Config, resource: Resource) -> anyhow::Result<Option<SdkLoggerProvider>> {
    if config.otel_logs_exporter == LogsExporter::None {
        return Ok(None);
    }
    let exporter = export::logs(config)?;
    let builder = SdkLoggerProvider::builder().with_resource(resource);
    Ok(exporter.map(|exporter| builder.with_batch_exporter(exporter).build()))
}

/// Logs for the rest of the process, at the end of which what is left of the lines is to be written.
pub(crate) fn start(config: &Config, exported: Option<&SdkLoggerProvider>) -> anyhow::Result<Lines> {
    let filter =
        filter(&config.log_filter).with_context(|| format!("LOG_FILTER {:?} cannot be read", config.log_filter))?;
    let (filter, handle) = reload::Layer::new(filter);
    let in_terminal = io::stdout().is_terminal();
    let json = match config.log_format {
        LogFormat::Auto => !in_terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let out = Lines::to(io::stdout())?;
    let lines = match json {
        true => fmt::layer().json().event_format(Json::new()).with_writer(out.clone()).boxed(),
        // Among other lines that people read, such as the trees of traces, and in their order.
        false => fmt::layer().with_ansi(in_terminal).event_format(Text::new(in_terminal)).boxed(),
    };
    let records = exported.map(|provider| Exported(OpenTelemetryTracingBridge::new(provider)));
    registry().with(filter).with(lines).with(records).try_init().context("logging was started twice")?;
    // The subscriber was set a moment ago, so nobody else can have been here.
    let _ = LOG_FILTER.set(LogFilter { configured: config.log_filter.clone(), handle });
    Ok(out)
}

/// Logs by another filter from now on; by the configured one again without one.
///
/// Errors: the filter cannot be read, or logging was never started; then nothing changes.
pub fn set_log_filter(text: Option<&str>) -> anyhow::Result<()> {
    let log_filter = LOG_FILTER.get().context("logging was not started")?;
    let filter = filter(text.unwrap_or(&log_filter.configured)).context("no log filter")?;
    Ok(log_filter.handle.reload(filter)?)
}

/// The exporters complain of a collector that is away each time, and the client of NATS tells of each attempt to connect;
/// we do once. Who asks for it can have it.
fn filter(text: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(text)?;
    EnvFilter::try_new(format!("opentelemetry-otlp=off,async_nats=off,{text}"))
}

/// Whoever reads records wants it, whether its trace is recorded or not.
fn is_news(event: &Metadata<'_>) -> bool {
    *event.level() <= Level::WARN || event.target() == AUDIT
}

/// What belongs to no trace is as good as recorded.
fn is_recorded() -> bool {
    Trace::map_current(|trace| {
        let span = trace.span();
        let context = span.span_context();
        context.is_sampled() || !context.is_valid()
    })
}

/// Events become records, except those of their senders, and the daily ones of traces that are not recorded: what is worth
/// a look in one of ten traces is worth it in the log of these (`trace_based` of OpenTelemetry's logger configuration).
struct Exported<L>(L);

impl<S: Subscriber, L: Layer<S>> Layer<S> for Exported<L> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let target = event.metadata().target();
        let is_senders = SENDERS.iter().any(|sender| target.starts_with(sender));
        if !is_senders && (is_news(event.metadata()) || is_recorded()) {
            self.0.on_event(event, context);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::{
        SpanId, TraceFlags, TraceId,
        trace::{SpanContext, TraceState},
    };

    use super::*;

    /// The targets and levels of what becomes a record.
    #[derive(Clone, Default)]
    struct Records(Arc<Mutex<Vec<(String, Level)>>>);

    impl<S: Subscriber> Layer<S> for Records {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let (target, level) = (event.metadata().target().to_owned(), *event.metadata().level());
            self.0.lock().unwrap().push((target, level));
        }
    }

    /// What becomes a record of some events that are of this trace, if they are of any.
    fn recorded(flags: Option<TraceFlags>) -> Vec<(String, Level)> {
        let records = Records::default();
        let _logging = tracing::subscriber::set_default(registry().with(Exported(records.clone())));
        let span = |flags| SpanContext::new(TraceId::from(7), SpanId::from(7), flags, false, TraceState::NONE);
        let _trace = flags.map(|flags| Trace::new().with_remote_span_context(span(flags)).attach());
        tracing::info!(target: "shop", "request");
        tracing::info!(target: "audit", "sign_in");
        tracing::warn!(target: "shop", "slow");
        tracing::error!(target: "h2::codec", "of a sender");
        let records = records.0.lock().unwrap();
        records.clone()
    }

    fn all() -> Vec<(String, Level)> {
        [("shop", Level::INFO), ("audit", Level::INFO), ("shop", Level::WARN)]
            .map(|(target, level)| (target.to_owned(), level))
            .into()
    }

    #[test]
    fn what_belongs_to_no_trace_or_to_one_that_is_recorded_becomes_a_record() {
        assert_eq!(recorded(None), all());
        assert_eq!(recorded(Some(TraceFlags::SAMPLED)), all());
    }

    #[test]
    fn of_a_trace_that_is_not_recorded_only_news_becomes_a_record() {
        assert_eq!(recorded(Some(TraceFlags::NOT_SAMPLED)), all()[1..]);
    }
}
