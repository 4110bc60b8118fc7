//! How calls are spread, and what about it can change while a process runs.

use std::str::FromStr;

use clap::ValueEnum;
use thiserror::Error;

use super::{ClientConfig, budget::Limits};

/// Which of the instances gets a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// Of two at random the one that is expected to answer first, by the time that its answers took and the calls that
    /// it has before it
    PeakEwma,
    /// Of two at random the one that has fewer calls before it
    Pending,
    /// One after the other
    RoundRobin,
}

/// A text that is no policy.
#[derive(Debug, Error)]
#[error("a balance policy is peak-ewma, pending or round-robin")]
pub struct UnknownPolicy;

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        <Self as ValueEnum>::from_str(text, false).map_err(|_| UnknownPolicy)
    }
}

/// What every channel of a process looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tuning {
    pub policy: Policy,
    pub limits: Limits,
}

impl Tuning {
    pub fn of(config: &ClientConfig) -> Self {
        let limits = Limits { percent: config.retry_percent, min_per_s: config.retry_min_per_s };
        Self { policy: config.balance_policy, limits }
    }
}
