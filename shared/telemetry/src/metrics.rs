//! Metrics: fetched by a Prometheus, or sent to a collector.

use anyhow::Context;
use opentelemetry_sdk::{
    Resource,
    metrics::{PeriodicReader, SdkMeterProvider},
};
use prometheus::{Encoder, TextEncoder};

use crate::{Config, MetricsExporter, export};

pub(crate) fn provider(config: &Config, resource: Resource) -> anyhow::Result<SdkMeterProvider> {
    let wants = |exporter| config.otel_metrics_exporter.contains(&exporter);
    let mut builder = SdkMeterProvider::builder().with_resource(resource);
    if wants(MetricsExporter::Prometheus) {
        let registry = prometheus::default_registry().clone();
        let reader = opentelemetry_prometheus::exporter().with_registry(registry).scope_info_enabled(false).build();
        builder = builder.with_reader(reader.context("metrics cannot be told to a Prometheus")?);
    }
    if wants(MetricsExporter::Otlp)
        && let Some(exporter) = export::metrics(config)?
    {
        builder = builder.with_reader(PeriodicReader::builder(exporter).build());
    }
    Ok(builder.build())
}

/// What the process and its runtime have to say of themselves.
pub(crate) fn observe_process() -> anyhow::Result<()> {
    opentelemetry_instrumentation_tokio::observe_current_runtime();
    Ok(opentelemetry_instrumentation_process::init()?)
}

/// All metrics in Prometheus' text format, version 0.0.4. Nothing, if they are not to be fetched.
pub fn prometheus_text() -> Option<String> {
    let families = prometheus::gather();
    let mut text = Vec::new();
    TextEncoder::new().encode(&families, &mut text).ok()?;
    String::from_utf8(text).ok().filter(|text| !text.is_empty())
}
