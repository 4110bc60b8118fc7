//! The result: as a table, as JSON, as a page.

pub mod html;

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use hdrhistogram::{Counter, Histogram};
use serde::Serialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    engine::{End, Model, Plan},
    options::Options,
    recorder::Recorder,
};

#[derive(Serialize)]
pub struct Report {
    pub scenario: String,
    pub targets: Vec<String>,
    /// Such as `open, 50/s`.
    pub model: String,
    /// RFC 3339.
    pub at: String,
    pub seconds: f64,
    pub interrupted: bool,
    pub iterations: u64,
    pub failed: u64,
    /// Iterations in a second.
    pub rate: f64,
    /// Of iterations, from when they were due.
    pub latency_ms: Latencies,
    /// Of calls, from when they were made.
    pub calls: BTreeMap<&'static str, Call>,
    pub statuses: BTreeMap<u16, u64>,
    pub failures: BTreeMap<String, u64>,
    pub series: Vec<Moment>,
}

#[derive(Serialize)]
pub struct Latencies {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p99_9: f64,
    pub max: f64,
}

#[derive(Serialize)]
pub struct Call {
    pub count: u64,
    pub latency_ms: Latencies,
}

/// A stretch of time, by when its iterations were due.
#[derive(Serialize)]
pub struct Moment {
    /// Seconds from the begin.
    pub from: f64,
    /// Iterations in a second.
    pub rate: f64,
    pub failed: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
}

impl Report {
    pub fn of(options: &Options, plan: &Plan, recorder: &Recorder, end: End) -> Self {
        let seen = recorder.seen();
        let ended = seen.ended.unwrap_or_else(Instant::now);
        let counted = seen.began.map_or(Duration::ZERO, |began| ended.saturating_duration_since(began));
        let seconds = counted.min(plan.duration).as_secs_f64();
        let iterations = seen.latencies.len();
        let call = |histogram: &Histogram<u64>| Call { count: histogram.len(), latency_ms: Latencies::of(histogram) };
        Self {
            scenario: options.scenario.to_string(),
            targets: options.target.iter().map(ToString::to_string).collect(),
            model: match plan.model {
                Model::Open(rate) => format!("open, {rate}/s"),
                Model::Closed(number) => format!("closed, {number} at a time"),
            },
            at: OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default(),
            seconds,
            interrupted: end == End::Interrupted,
            iterations,
            failed: seen.failed,
            rate: if seconds > 0.0 { iterations as f64 / seconds } else { 0.0 },
            latency_ms: Latencies::of(&seen.latencies),
            calls: seen.calls.iter().map(|(what, histogram)| (*what, call(histogram))).collect(),
            statuses: seen.statuses.clone(),
            failures: seen.failures.clone(),
            series: moments(&seen.series),
        }
    }
}

fn moments(series: &crate::series::Series) -> Vec<Moment> {
    let width = series.width();
    let moment = |(number, point): (usize, &crate::series::Point)| Moment {
        from: (Duration::as_secs_f64(&width)) * number as f64,
        rate: point.latencies.len() as f64 / width.as_secs_f64(),
        failed: point.failed,
        p50_ms: milliseconds(&point.latencies, 0.5),
        p99_ms: milliseconds(&point.latencies, 0.99),
    };
    series.points().iter().enumerate().map(moment).collect()
}

impl Latencies {
    fn of<C: Counter>(histogram: &Histogram<C>) -> Self {
        let [p50, p90, p99, p99_9, max] =
            [0.5, 0.9, 0.99, 0.999, 1.0].map(|quantile| milliseconds(histogram, quantile));
        Self { p50, p90, p99, p99_9, max }
    }
}

fn milliseconds<C: Counter>(histogram: &Histogram<C>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1000.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, model, seconds, iterations, failed, rate, .. } = self;
        let targets = self.targets.join(", ");
        writeln!(f, "{scenario} at {targets}: {model}, {seconds:.1} s")?;
        if self.interrupted {
            writeln!(f, "interrupted: the rest was not measured")?;
        }
        writeln!(f, "{iterations} iterations ({rate:.1}/s), {failed} failed")?;
        writeln!(
            f,
            "\n{:<24}{:>10}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "ms", "count", "p50", "p90", "p99", "p99.9", "max"
        )?;
        row(f, "iteration, since due", *iterations, &self.latency_ms)?;
        for (what, call) in &self.calls {
            row(f, what, call.count, &call.latency_ms)?;
        }
        for (status, count) in &self.statuses {
            write!(f, "\n{status}: {count}")?;
        }
        for (failure, count) in &self.failures {
            write!(f, "\nfailed, {count} times: {failure}")?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, count: u64, latencies: &Latencies) -> fmt::Result {
    let Latencies { p50, p90, p99, p99_9, max } = latencies;
    writeln!(f, "{name:<24}{count:>10}{p50:>10.1}{p90:>10.1}{p99:>10.1}{p99_9:>10.1}{max:>10.1}")
}
