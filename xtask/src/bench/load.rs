//! Runs the program `load` against the shop, and reads what it says.

use std::{
    fs,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    process::Stdio,
};

use anyhow::{Context, ensure};
use clap::Args;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::process::Child;

use super::shop::Shop;

/// How much of it.
#[derive(Args)]
#[group(skip)]
pub struct Options {
    /// How long each is measured
    #[arg(long, value_name = "SECONDS", default_value = "10")]
    pub seconds: NonZeroU32,

    /// How long it is loaded before
    #[arg(long, value_name = "SECONDS", default_value = "3")]
    pub warm_up: u32,

    /// How many requests are under way at a time, each on a connection of its own
    #[arg(long, value_name = "N", default_value = "64")]
    pub connections: NonZeroUsize,

    /// Who makes them
    #[arg(long, value_name = "N", default_value = "16")]
    pub customers: NonZeroUsize,
}

/// One that is under way.
pub struct Load {
    child: Child,
    json: PathBuf,
}

/// What it saw, of the time that counts.
pub struct Seen {
    /// Seconds of the clock on the wall.
    pub from: f64,
    pub to: f64,
    pub requests: f64,
    pub failed: f64,
    /// In a second.
    pub rate: f64,
    /// Milliseconds: p50, p99, p99.9.
    pub latencies: [f64; 3],
}

/// How requests come.
#[derive(Clone, Copy)]
pub enum Pace {
    /// Each of the connections sends the next one when it has its answer.
    AsFastAsItGoes,
    PerSecond(f64),
}

impl Load {
    pub fn start(options: &Options, shop: &Shop, scenario: &str, pace: Pace) -> anyhow::Result<Self> {
        let file = |name: &str| shop.folder.path().join(format!("load.{name}"));
        let (json, thresholds) = (file("json"), file("toml"));
        // None: it is measured, not judged.
        fs::write(&thresholds, "")?;
        let _ = fs::remove_file(&json);
        let mut command = shop.cluster.command(shop.load(), &file("log"))?;
        command.args(["--scenario", scenario, "--target", &shop.url()]);
        command.args(["--duration", &options.seconds.to_string(), "--warm-up", &options.warm_up.to_string()]);
        command.args(["--customers", &options.customers.to_string()]);
        match pace {
            Pace::AsFastAsItGoes => command.args(["--closed", &options.connections.to_string()]),
            Pace::PerSecond(rate) => command.args(["--rate", &rate.to_string()]),
        };
        command.arg("--json").arg(&json).arg("--thresholds").arg(&thresholds).stdin(Stdio::null());
        Ok(Self { child: command.spawn().context("load does not start")?, json })
    }

    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("load has ended")
    }

    /// Waits until it has ended.
    pub async fn end(mut self) -> anyhow::Result<Seen> {
        let status = self.child.wait().await?;
        ensure!(status.success(), "load: {status}; what it said is in load.log");
        read(&serde_json::from_str(&fs::read_to_string(&self.json)?)?).context("load says something else")
    }
}

fn read(report: &Value) -> anyhow::Result<Seen> {
    let number = |value: &Value| value.as_f64().with_context(|| format!("no number: {value}"));
    let at = OffsetDateTime::parse(report["at"].as_str().context("it says when")?, &Rfc3339)?;
    let (to, seconds) = (at.unix_timestamp_nanos() as f64 / 1e9, number(&report["seconds"])?);
    let latency = |name: &str| number(&report["latency_ms"][name]);
    let (requests, failed) = (number(&report["iterations"])?, number(&report["failed"])?);
    ensure!(requests > 0.0 && failed < requests / 100.0, "{failed} of {requests} failed: {}", report["failures"]);
    Ok(Seen {
        from: to - seconds,
        to,
        requests,
        failed,
        rate: number(&report["rate"])?,
        latencies: [latency("p50")?, latency("p99")?, latency("p99_9")?],
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn report(failed: u64) -> Value {
        json!({
            "at": "1970-01-01T00:00:30.5Z", "seconds": 10.0, "iterations": 1000, "failed": failed, "rate": 100.0,
            "latency_ms": { "p50": 1.0, "p99": 2.0, "p99_9": 3.0 }, "failures": { "it broke": failed },
        })
    }

    #[test]
    fn what_counts_ends_when_the_report_is_written() {
        let seen = read(&report(3)).unwrap();
        assert_eq!((seen.from, seen.to, seen.requests, seen.failed), (20.5, 30.5, 1000.0, 3.0));
        assert_eq!(seen.latencies, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn what_fails_again_and_again_is_no_measurement() {
        let error = read(&report(10)).err().unwrap().to_string();
        assert!(error.contains("10 of 1000 failed") && error.contains("it broke"), "{error}");
    }
}
