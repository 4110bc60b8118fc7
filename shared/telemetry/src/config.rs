//! The settings: OpenTelemetry's own, where they say whether and how something is sent, and those of the log.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use http::Uri;
use tracing_subscriber::EnvFilter;

/// What a process tells, and where.
///
/// What is not here but in OpenTelemetry's specification is read by its SDK from the environment: `OTEL_EXPORTER_OTLP_*`
/// (headers, time-outs, compression, and each signal's own), `OTEL_BSP_*`, `OTEL_BLRP_*`, `OTEL_METRIC_EXPORT_INTERVAL`.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Which events are logged: a level, or `target=level` pairs (the syntax of tracing's `EnvFilter`)
    #[arg(long, env, default_value = "info", value_parser = filter)]
    pub log_filter: String,

    /// Text for people, JSON for machines
    #[arg(long, env, default_value = "auto")]
    pub log_format: LogFormat,

    /// No traces, no metrics, no log but that on stdout
    #[arg(long, env)]
    pub otel_sdk_disabled: bool,

    /// What the process is called, if not as its program
    #[arg(long, env)]
    pub otel_service_name: Option<String>,

    /// What else it is, between commas: `deployment.environment.name=production,service.version=1.2`
    #[arg(long, env, value_delimiter = ',')]
    pub otel_resource_attributes: Vec<Attribute>,

    /// Where OTLP is sent: `http://collector:4318`; without it (and without a signal's own) nothing is sent
    #[arg(long, env, value_parser = endpoint)]
    pub otel_exporter_otlp_endpoint: Option<String>,

    /// How OTLP is spoken
    #[arg(long, env, default_value = "http/protobuf")]
    pub otel_exporter_otlp_protocol: Protocol,

    /// Where traces go: to a collector, or as trees to stdout
    #[arg(long, env, default_value = "otlp")]
    pub otel_traces_exporter: TracesExporter,

    /// How metrics go, between commas: fetched from /metrics of the operations port, or sent to a collector
    #[arg(long, env, default_value = "prometheus", value_delimiter = ',')]
    pub otel_metrics_exporter: Vec<MetricsExporter>,

    /// Where the log goes besides stdout
    #[arg(long, env, default_value = "otlp")]
    pub otel_logs_exporter: LogsExporter,

    /// Which traces are recorded that begin here; others are as whoever began them has decided
    #[arg(long, env, default_value = "parentbased_traceidratio")]
    pub otel_traces_sampler: Sampler,

    /// The share of traces for parentbased_traceidratio, from 0 to 1
    #[arg(long, env, default_value = "1")]
    pub otel_traces_sampler_arg: Ratio,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// One JSON object a line
    Json,
    /// One line of text
    Text,
}

/// How OTLP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    /// Over gRPC, by convention at port 4317
    Grpc,
    /// Over HTTP, by convention at port 4318
    #[value(name = "http/protobuf")]
    HttpProtobuf,
}

/// Where traces go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TracesExporter {
    /// To a collector
    Otlp,
    /// To stdout, each as a tree
    Console,
    /// Nowhere
    None,
}

/// How metrics go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MetricsExporter {
    /// Fetched by a Prometheus
    Prometheus,
    /// To a collector
    Otlp,
    /// Not at all
    None,
}

/// Where the log goes besides stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogsExporter {
    /// To a collector
    Otlp,
    /// Nowhere
    None,
}

/// Which traces are recorded that begin here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Sampler {
    /// All
    #[value(name = "parentbased_always_on")]
    AlwaysOn,
    /// None
    #[value(name = "parentbased_always_off")]
    AlwaysOff,
    /// A share
    #[value(name = "parentbased_traceidratio")]
    TraceIdRatio,
}

/// What the process is in some respect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// The respect: a name of the semantic conventions
    pub name: String,
    /// What it is
    pub value: String,
}

impl FromStr for Attribute {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pair = text.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        match pair {
            Some((name, value)) if !name.is_empty() => Ok(Self { name: name.to_owned(), value: value.to_owned() }),
            _ => Err("must be name=value"),
        }
    }
}

/// From 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio(f64);

impl Ratio {
    /// Everything.
    pub const ALL: Self = Self(1.0);
    /// Nothing.
    pub const NONE: Self = Self(0.0);

    /// As a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl FromStr for Ratio {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
        ratio.map(Self).ok_or("must be a number from 0 to 1")
    }
}

impl Config {
    /// The share of traces that begin here and are recorded.
    pub(crate) fn ratio(&self) -> Ratio {
        match self.otel_traces_sampler {
            Sampler::AlwaysOn => Ratio::ALL,
            Sampler::AlwaysOff => Ratio::NONE,
            Sampler::TraceIdRatio => self.otel_traces_sampler_arg,
        }
    }
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

fn endpoint(text: &str) -> Result<String, &'static str> {
    let uri: Uri = text.parse().map_err(|_| "must be a URL")?;
    match (uri.scheme_str(), uri.host()) {
        (Some("http" | "https"), Some(_)) => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err("must begin with http:// or https://"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_or_pairs_of_target_and_level() {
        for text in ["info", "warn,orders=debug", "off"] {
            assert_eq!(filter(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_before_anything_starts() {
        for text in ["loud=please", "orders=debug=info"] {
            assert!(filter(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_attribute_has_a_name_and_a_value() {
        let attribute = |name: &str, value: &str| Ok(Attribute { name: name.to_owned(), value: value.to_owned() });
        assert_eq!("service.version=1.2".parse(), attribute("service.version", "1.2"));
        assert_eq!(" a = b=c ".parse(), attribute("a", "b=c"));
        for text in ["service.version", "=1.2", ""] {
            assert!(text.parse::<Attribute>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_a_url_of_http() {
        assert_eq!(endpoint("http://collector:4318/").as_deref(), Ok("http://collector:4318"));
        for text in ["collector:4318", "collector", "grpc://collector", "http://", ""] {
            assert!(endpoint(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_ratio_is_from_nothing_to_all() {
        assert_eq!(["0", "0.1", "1"].map(|text| text.parse::<Ratio>().map(Ratio::get)), [Ok(0.0), Ok(0.1), Ok(1.0)]);
        for text in ["-0.1", "1.1", "NaN", "often", ""] {
            assert!(text.parse::<Ratio>().is_err(), "{text}");
        }
    }
}
