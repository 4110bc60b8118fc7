//! What a run must keep to, by scenario.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, bail};
use clap::ValueEnum;
use serde::Deserialize;

use crate::{report::Report, scenarios::Scenario};

/// Those that are checked in.
const OURS: &str = include_str!("../thresholds.toml");

#[derive(Debug)]
pub struct Thresholds(BTreeMap<String, Threshold>);

/// Latencies in milliseconds, and the share of iterations that may fail; what is not said is not asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Threshold {
    p50: Option<f64>,
    p99: Option<f64>,
    p99_9: Option<f64>,
    errors: Option<f64>,
}

impl Thresholds {
    /// Errors: the file cannot be read, or asks for what nobody knows.
    pub fn read(file: Option<&Path>) -> anyhow::Result<Self> {
        let Some(file) = file else { return Self::parse(OURS) };
        let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        Self::parse(&text).with_context(|| format!("{} is no file of thresholds", file.display()))
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let thresholds: BTreeMap<String, Threshold> = toml::from_str(text)?;
        for name in thresholds.keys() {
            if Scenario::from_str(name, false).is_err() {
                bail!("there is no scenario {name:?}");
            }
        }
        Ok(Self(thresholds))
    }

    /// What was missed, in words.
    pub fn missed(&self, scenario: Scenario, report: &Report) -> Vec<String> {
        let Some(threshold) = self.0.get(&scenario.to_string()) else { return Vec::new() };
        if report.iterations == 0 {
            return vec!["nothing was measured".to_owned()];
        }
        let latencies = &report.latency_ms;
        let measured = [
            ("p50", latencies.p50, threshold.p50, " ms"),
            ("p99", latencies.p99, threshold.p99, " ms"),
            ("p99.9", latencies.p99_9, threshold.p99_9, " ms"),
            ("failed", report.failed as f64 / report.iterations as f64, threshold.errors, " of all"),
        ];
        let missed = measured.into_iter().filter_map(|(name, measured, limit, unit)| {
            let limit = limit.filter(|limit| measured > *limit)?;
            Some(format!("{name} is {measured:.3}{unit}, and may be {limit}{unit}"))
        });
        missed.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_thresholds() {
        let Thresholds(thresholds) = Thresholds::read(None).unwrap();
        for scenario in Scenario::value_variants() {
            let threshold = thresholds.get(&scenario.to_string()).unwrap_or_else(|| panic!("{scenario}"));
            let all = [threshold.p50, threshold.p99, threshold.p99_9, threshold.errors];
            assert!(all.iter().all(Option::is_some), "{scenario}: {threshold:?}");
        }
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        assert!(Thresholds::parse("[browsing]\np50 = 1").unwrap_err().to_string().contains("browsing"));
        Thresholds::parse("[browse]\np95 = 1").unwrap_err();
        Thresholds::parse("[browse]\np50 = \"fast\"").unwrap_err();
    }
}
