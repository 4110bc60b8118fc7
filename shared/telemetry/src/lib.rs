//! What a process tells its operators: traces, metrics, a log.
//!
//! The only crate that knows where they go. Everything else speaks to OpenTelemetry's API or to `tracing`, and to
//! [`Operations`], which make a span and a measurement of the same thing.

#![warn(missing_docs)]

mod causes;
mod config;
mod export;
pub mod http;
mod log;
mod metrics;
mod operation;
mod propagation;
mod sender;
mod traces;
mod trees;

use std::{thread, time::Duration};

use opentelemetry::{KeyValue, global};
use opentelemetry_sdk::{
    Resource, error::OTelSdkResult, logs::SdkLoggerProvider, metrics::SdkMeterProvider,
    resource::TelemetryResourceDetector, trace::SdkTracerProvider,
};
use uuid::Uuid;

pub use self::{
    causes::{chain, panic_message},
    config::{Attribute, Config, LogFormat, LogsExporter, MetricsExporter, Protocol, Ratio, Sampler, TracesExporter},
    log::set_log_filter,
    metrics::prometheus_text,
    operation::{CALL_SECONDS, Operation, Operations, STATEMENT_SECONDS},
    propagation::{extract, inject},
    traces::set_sampling_ratio,
};
use self::{log::Lines, sender::Sender};

/// What was not yet sent has so long to get there when a process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Sends what is left when it is dropped: it is kept until a process ends.
#[must_use = "telemetry ends when this is dropped"]
pub struct Telemetry {
    traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
    lines: Lines,
    _sender: Option<Sender>,
}

/// Starts telemetry for the rest of the process, which is an instance of `service` in this `version`.
///
/// Errors: a setting cannot be followed, or telemetry was started before. Panics outside of a runtime.
pub fn init(config: &Config, service: &'static str, version: &'static str) -> anyhow::Result<Telemetry> {
    propagation::start();
    if config.otel_sdk_disabled {
        let lines = log::start(config, None)?;
        return Ok(Telemetry { traces: None, metrics: None, logs: None, lines, _sender: None });
    }
    let sender = Sender::start()?;
    let connecting = sender.enter();
    let resource = resource(config, service, version);
    // First, since what follows counts what it loses.
    let metrics = metrics::provider(config, resource.clone())?;
    global::set_meter_provider(metrics.clone());
    let traces = traces::provider(config, resource.clone())?;
    global::set_tracer_provider(traces.clone());
    let logs = log::provider(config, resource)?;
    drop(connecting);
    let lines = log::start(config, logs.as_ref())?;
    metrics::observe_process()?;
    Ok(Telemetry { traces: Some(traces), metrics: Some(metrics), logs, lines, _sender: Some(sender) })
}

/// Who we are. What is said in the settings goes before what we know ourselves.
fn resource(config: &Config, service: &'static str, version: &'static str) -> Resource {
    let own = [
        KeyValue::new("service.version", version),
        KeyValue::new("service.instance.id", Uuid::new_v4().to_string()),
        KeyValue::new("service.name", service),
    ];
    let said = config.otel_resource_attributes.iter().cloned();
    let name = config.otel_service_name.clone();
    Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(own)
        .with_attributes(said.map(|Attribute { name, value }| KeyValue::new(name, value)))
        .with_attributes(name.map(|name| KeyValue::new("service.name", name)))
        .build()
}

impl Drop for Telemetry {
    /// All at once: a collector that hangs costs the time once.
    fn drop(&mut self) {
        thread::scope(|scope| {
            let Self { traces, metrics, logs, .. } = &*self;
            scope.spawn(|| traces.as_ref().map(|provider| report(provider.shutdown_with_timeout(FLUSH_TIMEOUT))));
            scope.spawn(|| metrics.as_ref().map(|provider| report(provider.shutdown_with_timeout(FLUSH_TIMEOUT))));
            scope.spawn(|| logs.as_ref().map(|provider| report(provider.shutdown_with_timeout(FLUSH_TIMEOUT))));
        });
        self.lines.write();
    }
}

fn report(flushed: OTelSdkResult) {
    if let Err(error) = flushed {
        tracing::warn!(%error, "the last telemetry is lost");
    }
}
