//! What a process tells of itself while it is tested: its spans, kept, and its metrics, as a Prometheus would fetch them.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, Once, PoisonError},
    time::Duration,
};

use clap::Parser;
use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId, global,
    trace::{Link, SpanContext, SpanKind, Status, TraceContextExt, TraceState},
};
use opentelemetry_sdk::{
    error::OTelSdkResult,
    metrics::SdkMeterProvider,
    trace::{Sampler, SamplingResult, SdkTracerProvider, ShouldSample, SpanData, SpanProcessor},
};
use tokio::{task::yield_now, time::timeout};
use uuid::Uuid;

/// There is one provider of each kind in a process, and so one place for all that is told.
static STARTED: Once = Once::new();

/// In the order in which they ended.
static ENDED: Mutex<Vec<SpanData>> = Mutex::new(Vec::new());

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: telemetry::Config,
}

/// Listens to what this process tells. Whatever tells it is built later than this: what was built before tells nobody.
pub fn listen() {
    STARTED.call_once(|| {
        // Propagation as it is in every process; the rest of telemetry is ours.
        let Cli { telemetry } = Cli::parse_from(["test", "--otel-sdk-disabled", "--log-filter", "off"]);
        drop(telemetry::init(&telemetry, "test", "test").unwrap());
        let registry = prometheus::default_registry().clone();
        let reader = opentelemetry_prometheus::exporter().with_registry(registry).scope_info_enabled(false);
        global::set_meter_provider(SdkMeterProvider::builder().with_reader(reader.build().unwrap()).build());
        let sampler = Sampler::ParentBased(Box::new(Linked));
        global::set_tracer_provider(
            SdkTracerProvider::builder().with_span_processor(Keep).with_sampler(sampler).build(),
        );
    });
}

/// A metric as `/metrics` has it, of all series with these labels together; of a histogram, ask for its `_count`.
pub fn metric(name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let text = telemetry::prometheus_text()?;
    let is_meant = |series: &str| {
        let (of, told) = series.split_once('{').unwrap_or((series, ""));
        let has = |(label, value): &(&str, &str)| format!(",{told}").contains(&format!(",{label}=\"{value}\""));
        of == name && labels.iter().all(has)
    };
    let series = text.lines().filter_map(|line| line.rsplit_once(' '));
    series.filter(|(series, _)| is_meant(series)).map(|(_, value)| value.parse::<f64>().unwrap()).reduce(|a, b| a + b)
}

/// A trace that a test has begun, as somebody far away would.
pub struct Trace(SpanContext);

impl Trace {
    /// One that is recorded.
    pub fn begin() -> Self {
        Self::with(TraceFlags::SAMPLED)
    }

    /// One that whoever began it does not want to be recorded.
    pub fn begin_unrecorded() -> Self {
        Self::with(TraceFlags::NOT_SAMPLED)
    }

    fn with(flags: TraceFlags) -> Self {
        listen();
        let trace = TraceId::from_bytes(Uuid::new_v4().into_bytes());
        let span = SpanId::from_bytes(fresh());
        Self(SpanContext::new(trace, span, flags, true, TraceState::NONE))
    }

    /// What is done in it is a part of it.
    pub fn context(&self) -> Context {
        Context::new().with_remote_span_context(self.0.clone())
    }

    /// Its id, as it is written.
    pub fn id(&self) -> String {
        self.0.trace_id().to_string()
    }

    /// The id of the span that everything in it descends from, which nobody records.
    pub fn root(&self) -> SpanId {
        self.0.span_id()
    }

    /// How a request says that it belongs to it.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-{:02x}", self.0.trace_id(), self.0.span_id(), self.0.trace_flags().to_u8())
    }

    /// All that have ended so far.
    pub fn spans(&self) -> Vec<Span> {
        let ended = ended();
        ended.iter().filter(|span| span.span_context.trace_id() == self.0.trace_id()).map(Span::of).collect()
    }

    /// Those of other traces that belong with a part of this one, as far as they have ended.
    pub fn linked(&self) -> Vec<Span> {
        let is_linked =
            |span: &&SpanData| span.links.iter().any(|link| link.span_context.trace_id() == self.0.trace_id());
        ended().iter().filter(is_linked).map(Span::of).collect()
    }

    /// The first that ends with this name, which is waited for.
    pub async fn span(&self, kind: SpanKind, name: &str) -> Span {
        let wait = async {
            loop {
                let found = self.spans().into_iter().find(|span| span.kind == kind && span.name == name);
                match found {
                    Some(span) => return span,
                    None => yield_now().await,
                }
            }
        };
        let waited = timeout(Duration::from_secs(10), wait).await;
        waited.unwrap_or_else(|_| panic!("waited in vain for {name} among {:?}", self.spans()))
    }
}

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Span {
    /// What was done.
    pub name: String,
    /// For whom.
    pub kind: SpanKind,
    /// Its own id.
    pub id: SpanId,
    /// Whose part it is.
    pub parent: SpanId,
    /// The spans of others that it belongs with.
    pub links: Vec<SpanId>,
    /// How it ended.
    pub status: Status,
    attributes: HashMap<String, String>,
}

impl Span {
    fn of(span: &SpanData) -> Self {
        let attributes =
            span.attributes.iter().map(|attribute| (attribute.key.to_string(), attribute.value.to_string()));
        Self {
            name: span.name.to_string(),
            kind: span.span_kind.clone(),
            id: span.span_context.span_id(),
            parent: span.parent_span_id,
            links: span.links.iter().map(|link| link.span_context.span_id()).collect(),
            status: span.status.clone(),
            attributes: attributes.collect(),
        }
    }

    /// An attribute's value, as text.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// Whether it says that something went wrong.
    pub fn has_failed(&self) -> bool {
        matches!(self.status, Status::Error { .. })
    }
}

/// Of what no test has begun, only that is recorded which belongs with something that one has.
#[derive(Clone, Debug)]
struct Linked;

impl ShouldSample for Linked {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let is_linked = links.iter().any(|link| link.span_context.is_sampled());
        let sampler = if is_linked { Sampler::AlwaysOn } else { Sampler::AlwaysOff };
        sampler.should_sample(parent, trace_id, name, kind, attributes, links)
    }
}

/// Keeps every span.
#[derive(Debug)]
struct Keep;

impl SpanProcessor for Keep {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        ended().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

fn ended() -> MutexGuard<'static, Vec<SpanData>> {
    ENDED.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fresh() -> [u8; 8] {
    *Uuid::new_v4().as_bytes().first_chunk().expect("a UUID has 16 bytes")
}
