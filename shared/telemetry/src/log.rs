//! The log: a line each on stdout, a record each to a collector, by one filter that can be changed.
//!
//! The filter is that of the whole subscriber. Layers with filters of their own would lose events: whoever asks whether a
//! statement is to be logged, as sqlx does after each one, would take the next event of the thread away (tracing #2519).

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
};

use anyhow::Context as _;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::{Resource, logs::SdkLoggerProvider};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::ParseError, fmt, layer::Context, layer::SubscriberExt, registry, reload,
    util::SubscriberInitExt,
};

use self::format::{Json, Text};
use crate::{Config, LogFormat, LogsExporter, export};

mod format;

/// What sends the records has events of its own, which would be sent as well, and so on.
const SENDERS: [&str; 6] = ["h2", "hyper", "opentelemetry", "reqwest", "tonic", "tower"];

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

/// Logs for the rest of the process.
pub(crate) fn start(config: &Config, exported: Option<&SdkLoggerProvider>) -> anyhow::Result<()> {
    let filter =
        filter(&config.log_filter).with_context(|| format!("LOG_FILTER {:?} cannot be read", config.log_filter))?;
    let (filter, handle) = reload::Layer::new(filter);
    let in_terminal = io::stdout().is_terminal();
    let json = match config.log_format {
        LogFormat::Auto => !in_terminal,
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let lines = match json {
        true => fmt::layer().json().event_format(Json::new()).boxed(),
        false => fmt::layer().with_ansi(in_terminal).event_format(Text::new(in_terminal)).boxed(),
    };
    let records = exported.map(|provider| Exported(OpenTelemetryTracingBridge::new(provider)));
    registry().with(filter).with(lines).with(records).try_init().context("logging was started twice")?;
    // The subscriber was set a moment ago, so nobody else can have been here.
    let _ = LOG_FILTER.set(LogFilter { configured: config.log_filter.clone(), handle });
    Ok(())
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

/// Events become records, except those of their senders.
struct Exported<L>(L);

impl<S: Subscriber, L: Layer<S>> Layer<S> for Exported<L> {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let target = event.metadata().target();
        if !SENDERS.iter().any(|sender| target.starts_with(sender)) {
            self.0.on_event(event, context);
        }
    }
}
