//! How the simulated provider behaves.

use clap::{Args, value_parser};

/// By default nothing fails, and nothing is declined but what is too much.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Milliseconds that the simulated payment provider takes to answer
    #[arg(long, env, default_value = "50", value_parser = value_parser!(u64).range(..=60_000))]
    pub provider_latency_ms: u64,

    /// The share of charges that it declines by chance, from 0 to 1
    #[arg(long, env, default_value = "0", value_parser = rate)]
    pub provider_decline_rate: f64,

    /// The share of requests that fail, from 0 to 1: half of them before it has charged anything, half after
    #[arg(long, env, default_value = "0", value_parser = rate)]
    pub provider_failure_rate: f64,

    /// The most that it charges at once, in minor units of any currency: more is always declined
    #[arg(long, env, default_value = "1000000", value_parser = value_parser!(i64).range(0..))]
    pub provider_max_amount: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            provider_latency_ms: 50,
            provider_decline_rate: 0.0,
            provider_failure_rate: 0.0,
            provider_max_amount: 1_000_000,
        }
    }
}

fn rate(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|rate| (0.0..=1.0).contains(rate)).ok_or("must be a number from 0 to 1")
}
