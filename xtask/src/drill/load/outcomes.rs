//! What requests came to, and figures on many of them.

use std::{collections::BTreeMap, iter::successors, time::Duration};

use anyhow::anyhow;
use reqwest::StatusCode;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Read,
    /// A write that may be sent twice: it has an idempotency key.
    KeyedWrite,
    Write,
}

#[derive(Clone, Debug)]
pub struct Outcome {
    pub kind: Kind,
    /// When it was sent, or should have been.
    pub began: Instant,
    pub latency: Duration,
    /// `None` where no answer came.
    pub status: Option<StatusCode>,
    /// The whole story, where the answer is not the one that was hoped for.
    pub trouble: Option<String>,
}

impl Outcome {
    pub fn has_failed(&self) -> bool {
        self.trouble.is_some()
    }

    /// Errors: it has failed.
    pub fn succeeded(self) -> anyhow::Result<()> {
        self.trouble.map_or(Ok(()), |trouble| Err(anyhow!(trouble)))
    }

    pub fn is_idempotent(&self) -> bool {
        matches!(self.kind, Kind::Read | Kind::KeyedWrite)
    }

    /// Whether it says that this is not the time: what a client may be told while something is away.
    pub fn asks_for_patience(&self) -> bool {
        matches!(self.status, Some(StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT))
    }
}

#[derive(Clone)]
pub struct Outcomes(Vec<Outcome>);

impl Outcomes {
    pub fn new(outcomes: Vec<Outcome>) -> Self {
        Self(outcomes)
    }

    pub fn only(&self, counts: impl Fn(&Outcome) -> bool) -> Self {
        Self(self.0.iter().filter(|outcome| counts(outcome)).cloned().collect())
    }

    /// Those that began in this time.
    pub fn between(&self, from: Instant, to: Instant) -> Self {
        self.only(|outcome| (from..to).contains(&outcome.began))
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn failed(&self) -> usize {
        self.troubles().count()
    }

    pub fn troubles(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|outcome| outcome.trouble.as_deref())
    }

    /// The latency that so many percent of the requests did not exceed; 100 is the slowest.
    pub fn percentile(&self, percent: usize) -> Duration {
        let mut latencies: Vec<_> = self.0.iter().map(|outcome| outcome.latency).collect();
        latencies.sort_unstable();
        let rank = (latencies.len() * percent).div_ceil(100);
        latencies.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// The median of the whole seconds' own: what hangs is there in each of them, and what else a machine does is not.
    pub fn p99_of_most_seconds(&self) -> Duration {
        const SECOND: Duration = Duration::from_secs(1);
        let began = self.0.iter().map(|outcome| outcome.began);
        let (Some(first), Some(last)) = (began.clone().min(), began.max()) else { return Duration::ZERO };
        let starts = successors(Some(first), |start| Some(*start + SECOND)).take_while(|start| *start + SECOND <= last);
        let mut p99s: Vec<_> = starts.map(|start| self.between(start, start + SECOND).percentile(99)).collect();
        p99s.sort_unstable();
        p99s.get(p99s.len() / 2).copied().unwrap_or_else(|| self.percentile(99))
    }

    pub fn slowest(&self) -> Duration {
        self.percentile(100)
    }

    /// How often each status came, such as `200: 41, 503: 7, no answer: 1`.
    pub fn statuses(&self) -> String {
        let mut counts = BTreeMap::new();
        for outcome in &self.0 {
            let status = outcome.status.map_or("no answer".to_owned(), |status| status.as_str().to_owned());
            *counts.entry(status).or_insert(0) += 1;
        }
        let counts: Vec<_> = counts.iter().map(|(status, count): (_, &usize)| format!("{status}: {count}")).collect();
        counts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(latencies: impl IntoIterator<Item = u64>) -> Outcomes {
        let outcome = |milliseconds| Outcome {
            kind: Kind::Read,
            began: Instant::now(),
            latency: Duration::from_millis(milliseconds),
            status: Some(StatusCode::OK),
            trouble: None,
        };
        Outcomes::new(latencies.into_iter().map(outcome).collect())
    }

    #[test]
    fn a_percentile_is_a_latency_that_occurred() {
        let hundred = outcomes((1..=100).rev());
        assert_eq!([50, 99, 100].map(|it| hundred.percentile(it).as_millis()), [50, 99, 100]);
        let three = outcomes([7, 9, 8]);
        assert_eq!([50, 99, 100].map(|it| three.percentile(it).as_millis()), [8, 9, 9]);
        assert_eq!(outcomes([]).slowest(), Duration::ZERO);
    }

    #[test]
    fn statuses_are_counted() {
        let mut some = outcomes([1, 1, 1]);
        some.0[1].status = None;
        assert_eq!(some.statuses(), "200: 2, no answer: 1");
    }
}
