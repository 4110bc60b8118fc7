//! The way to a collector: OTLP over gRPC or HTTP, and a count of what did not get there.

use std::{
    env,
    fmt::Debug,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};

use anyhow::{Context, anyhow};
use opentelemetry::{KeyValue, global, metrics::Counter};
use opentelemetry_otlp::{
    LogExporter, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    logs::{self, LogBatch},
    metrics::{
        Temporality,
        data::{AggregatedMetrics, MetricData, ResourceMetrics},
        exporter::PushMetricExporter,
    },
    trace::{self, SpanData},
};
use reqwest::blocking::Client;
use tonic::transport::ClientTlsConfig;

use crate::{Config, Protocol};

/// What a collector may take to answer, if `OTEL_EXPORTER_OTLP_TIMEOUT` does not say it (the specification's default).
const TIMEOUT: Duration = Duration::from_secs(10);

/// Builds an exporter of one signal. A macro, since the builders of the three have no trait in common.
macro_rules! build {
    ($exporter:ident, $config:expr, $signal:literal) => {{
        let (endpoint, protocol) = ($config.endpoint($signal), $config.protocol($signal));
        let exporter = match protocol {
            Protocol::Grpc => {
                let mut builder = $exporter::builder().with_tonic();
                if let Some(endpoint) = &endpoint {
                    builder = builder.with_endpoint(endpoint);
                }
                if $config.is_secure($signal) {
                    builder = builder.with_tls_config(ClientTlsConfig::new().with_enabled_roots());
                }
                builder.build()
            }
            Protocol::HttpProtobuf => {
                let mut builder =
                    $exporter::builder().with_http().with_protocol(opentelemetry_otlp::Protocol::HttpBinary);
                if !$config.is_secure($signal) {
                    builder = builder.with_http_client($config.plain_client($signal)?);
                }
                if let Some(endpoint) = &endpoint {
                    builder = builder.with_endpoint(format!("{endpoint}/v1/{}", $signal.to_lowercase()));
                }
                builder.build()
            }
        };
        exporter.with_context(|| format!("the exporter of {} cannot be built", $signal.to_lowercase()))
    }};
}

pub(crate) fn spans(config: &Config) -> anyhow::Result<Option<Counted<SpanExporter>>> {
    let exporter = config.has_endpoint("TRACES").then(|| build!(SpanExporter, config, "TRACES")).transpose()?;
    Ok(exporter.map(|exporter| Counted::new(exporter, "span")))
}

pub(crate) fn logs(config: &Config) -> anyhow::Result<Option<Counted<LogExporter>>> {
    let exporter = config.has_endpoint("LOGS").then(|| build!(LogExporter, config, "LOGS")).transpose()?;
    Ok(exporter.map(|exporter| Counted::new(exporter, "log")))
}

pub(crate) fn metrics(config: &Config) -> anyhow::Result<Option<Counted<MetricExporter>>> {
    let exporter = config.has_endpoint("METRICS").then(|| build!(MetricExporter, config, "METRICS")).transpose()?;
    Ok(exporter.map(|exporter| Counted::new(exporter, "metric_data_point")))
}

/// What a signal has of its own, the exporters find in the environment: it goes before what is said for all of them.
impl Config {
    fn own(signal: &str, setting: &str) -> Option<String> {
        env::var(format!("OTEL_EXPORTER_OTLP_{signal}_{setting}")).ok().filter(|value| !value.is_empty())
    }

    fn has_endpoint(&self, signal: &str) -> bool {
        self.otel_exporter_otlp_endpoint.is_some() || Self::own(signal, "ENDPOINT").is_some()
    }

    fn endpoint(&self, signal: &str) -> Option<String> {
        self.otel_exporter_otlp_endpoint.clone().filter(|_| Self::own(signal, "ENDPOINT").is_none())
    }

    fn is_secure(&self, signal: &str) -> bool {
        let endpoint = Self::own(signal, "ENDPOINT").or_else(|| self.otel_exporter_otlp_endpoint.clone());
        endpoint.is_some_and(|endpoint| endpoint.starts_with("https://"))
    }

    /// One that speaks no TLS, and so does not ask for root certificates, which small images do not have. It blocks,
    /// which it may on the threads that send, and is made on one where it may.
    fn plain_client(&self, signal: &str) -> anyhow::Result<Client> {
        let milliseconds = Self::own(signal, "TIMEOUT").or_else(|| env::var("OTEL_EXPORTER_OTLP_TIMEOUT").ok());
        let timeout = milliseconds.and_then(|text| text.parse().ok()).map_or(TIMEOUT, Duration::from_millis);
        let build = move || Client::builder().tls_certs_only([]).timeout(timeout).build();
        Ok(thread::spawn(build).join().map_err(|_| anyhow!("the HTTP client cannot be built"))??)
    }

    fn protocol(&self, signal: &str) -> Protocol {
        match Self::own(signal, "PROTOCOL").as_deref() {
            Some("grpc") => Protocol::Grpc,
            Some("http/protobuf") => Protocol::HttpProtobuf,
            _ => self.otel_exporter_otlp_protocol,
        }
    }
}

/// Counts what was sent and what was lost (`otel.sdk.exporter.….exported`, semantic conventions of SDK metrics), and says
/// once when nothing gets there any more, and once when it does again.
#[derive(Debug)]
pub(crate) struct Counted<E> {
    exporter: E,
    signal: &'static str,
    exported: Counter<u64>,
    is_away: AtomicBool,
}

impl<E> Counted<E> {
    fn new(exporter: E, signal: &'static str) -> Self {
        let exported = global::meter("telemetry").u64_counter(format!("otel.sdk.exporter.{signal}.exported")).build();
        Self { exporter, signal, exported, is_away: AtomicBool::new(false) }
    }

    /// The SDK would say each time what is said here once.
    fn count(&self, number: usize, outcome: OTelSdkResult) -> OTelSdkResult {
        let signal = self.signal;
        match outcome {
            Ok(()) => {
                self.exported.add(number as u64, &[]);
                if self.is_away.swap(false, Relaxed) {
                    tracing::info!(signal, "the collector takes telemetry again");
                }
            }
            Err(error) => {
                self.exported.add(number as u64, &[KeyValue::new("error.type", kind(&error))]);
                if !self.is_away.swap(true, Relaxed) {
                    tracing::warn!(signal, %error, "the collector takes no telemetry: it is dropped, and counted");
                }
            }
        }
        Ok(())
    }
}

fn kind(error: &OTelSdkError) -> &'static str {
    match error {
        OTelSdkError::Timeout(_) => "timeout",
        OTelSdkError::AlreadyShutdown => "already_shutdown",
        OTelSdkError::InternalFailure(_) => "rejected",
    }
}

impl trace::SpanExporter for Counted<SpanExporter> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let number = batch.len();
        self.count(number, self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        trace::SpanExporter::shutdown_with_timeout(&self.exporter, timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        trace::SpanExporter::set_resource(&mut self.exporter, resource);
    }
}

impl logs::LogExporter for Counted<LogExporter> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let number = batch.iter().count();
        self.count(number, self.exporter.export(batch).await)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        logs::LogExporter::shutdown_with_timeout(&self.exporter, timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        logs::LogExporter::set_resource(&mut self.exporter, resource);
    }
}

fn points(data: &AggregatedMetrics) -> usize {
    match data {
        AggregatedMetrics::F64(data) => points_of(data),
        AggregatedMetrics::U64(data) => points_of(data),
        AggregatedMetrics::I64(data) => points_of(data),
    }
}

fn points_of<T>(data: &MetricData<T>) -> usize {
    match data {
        MetricData::Gauge(gauge) => gauge.data_points().count(),
        MetricData::Sum(sum) => sum.data_points().count(),
        MetricData::Histogram(histogram) => histogram.data_points().count(),
        MetricData::ExponentialHistogram(histogram) => histogram.data_points().count(),
    }
}

/// Sums go on growing while nobody takes them, so that nothing of them is lost.
impl PushMetricExporter for Counted<MetricExporter> {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        let number =
            metrics.scope_metrics().flat_map(|scope| scope.metrics()).map(|metric| points(metric.data())).sum();
        self.count(number, self.exporter.export(metrics).await)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.exporter.temporality()
    }
}
