//! What `cargo load` can be told.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::Parser;
use reqwest::Url;

use crate::scenarios::Scenario;

/// Loads a running shop, and says what its customers saw. The code is 1 when a threshold is missed, 2 when nothing could be
/// measured.
#[derive(Parser)]
#[command(name = "cargo load", bin_name = "cargo load --")]
pub struct Options {
    /// What the customers do
    #[arg(long, value_enum, default_value_t = Scenario::Mixed)]
    pub scenario: Scenario,

    /// A gateway; several are called in turns. Without it, that of `cargo up` and of Compose
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub target: Vec<Url>,

    /// Iterations that begin in a second, however long they take
    #[arg(long, value_name = "N", default_value_t = 50.0, value_parser = positive)]
    pub rate: f64,

    /// Instead of a rate: so many iterations at a time, each begun when one has ended. It hides what a shop that stands
    /// still does to those who come meanwhile
    #[arg(long, value_name = "N", conflicts_with = "rate")]
    pub closed: Option<NonZeroUsize>,

    /// What is measured, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub duration: Duration,

    /// What goes before, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "3", value_parser = seconds)]
    pub warm_up: Duration,

    /// How many customers there are; each signs up first
    #[arg(long, value_name = "N", default_value = "8")]
    pub customers: NonZeroUsize,

    /// Iterations under way at most; those that come when there are so many have failed
    #[arg(long, value_name = "N", default_value = "4096")]
    pub max_in_flight: NonZeroUsize,

    /// Other thresholds than those of load-tests/thresholds.toml
    #[arg(long, value_name = "FILE")]
    pub thresholds: Option<PathBuf>,

    /// Writes the result as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,

    /// Writes the result as a page with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

fn positive(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.001..=100_000.0).contains(&rate) { Ok(rate) } else { Err("not between 0.001 and 100000".to_owned()) }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    let day = 86_400.0;
    if (0.0..=day).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("not between 0 and a day".to_owned())
    }
}
