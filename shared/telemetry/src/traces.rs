//! Traces: which are recorded, and where they go.

use std::{
    io::{self, IsTerminal},
    sync::{Arc, OnceLock},
};

use anyhow::Context;
use arc_swap::ArcSwap;
use opentelemetry::{
    KeyValue, TraceId,
    trace::{Link, SpanKind},
};
use opentelemetry_sdk::{
    Resource,
    trace::{Sampler, SamplingResult, SdkTracerProvider, ShouldSample},
};

use crate::{Config, Ratio, TracesExporter, export, trees::Trees};

/// There is one provider in a process, and so one ratio.
static SAMPLING: OnceLock<Sampling> = OnceLock::new();

struct Sampling {
    configured: Ratio,
    current: Share,
}

/// A sampler whose ratio can be changed.
#[derive(Clone, Debug)]
struct Share(Arc<ArcSwap<Sampler>>);

impl Share {
    fn new(ratio: Ratio) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(Sampler::TraceIdRatioBased(ratio.get()))))
    }

    fn set(&self, ratio: Ratio) {
        self.0.store(Arc::new(Sampler::TraceIdRatioBased(ratio.get())));
    }
}

impl ShouldSample for Share {
    fn should_sample(
        &self,
        parent: Option<&opentelemetry::Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        self.0.load().should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

/// Records this share of the traces that begin here from now on; the configured one again without one.
///
/// Errors: it is no number from 0 to 1, or telemetry was never started; then nothing changes.
pub fn set_sampling_ratio(text: Option<&str>) -> anyhow::Result<()> {
    let sampling = SAMPLING.get().context("telemetry was not started")?;
    let ratio = text.map_or(Ok(sampling.configured), str::parse).map_err(anyhow::Error::msg)?;
    sampling.current.set(ratio);
    Ok(())
}

/// Without an exporter requests have trace ids all the same, for the log.
pub(crate) fn provider(config: &Config, resource: Resource) -> anyhow::Result<SdkTracerProvider> {
    let builder = SdkTracerProvider::builder().with_resource(resource);
    let (builder, configured) = match config.otel_traces_exporter {
        TracesExporter::Otlp => match export::spans(config)? {
            Some(exporter) => (builder.with_batch_exporter(exporter), config.ratio()),
            None => (builder, Ratio::NONE),
        },
        TracesExporter::Console => {
            let stdout = io::stdout();
            let colour = stdout.is_terminal();
            (builder.with_span_processor(Trees::new(stdout, colour)), config.ratio())
        }
        TracesExporter::None => (builder, Ratio::NONE),
    };
    let current = Share::new(configured);
    // A second provider of one process, as tests have it, leaves the first one's alone.
    let _ = SAMPLING.set(Sampling { configured, current: current.clone() });
    Ok(builder.with_sampler(Sampler::ParentBased(Box::new(current))).build())
}
