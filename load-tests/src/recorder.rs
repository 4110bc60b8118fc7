//! What was seen: how long iterations and calls took, what was answered, what failed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{
    series::{LONGEST_US, Series},
    shop::Failure,
};

/// More kinds of failure than this are not told apart.
const MOST_KINDS: usize = 16;

/// Shared by everybody who sees something.
pub struct Recorder {
    warm_up: Duration,
    seen: Mutex<Seen>,
}

pub struct Seen {
    /// When what counts begins, and when it has ended. What is done before, such as signing up, is nobody's concern.
    pub began: Option<Instant>,
    pub ended: Option<Instant>,
    /// Of iterations, from when they were due, in microseconds.
    pub latencies: Histogram<u64>,
    pub failed: u64,
    /// Of calls, from when they were made, in microseconds, by what they are for.
    pub calls: BTreeMap<&'static str, Histogram<u64>>,
    pub statuses: BTreeMap<u16, u64>,
    pub failures: BTreeMap<String, u64>,
    pub series: Series,
}

impl Recorder {
    pub fn new(warm_up: Duration) -> Self {
        let seen = Seen {
            began: None,
            ended: None,
            latencies: histogram(),
            failed: 0,
            calls: BTreeMap::new(),
            statuses: BTreeMap::new(),
            failures: BTreeMap::new(),
            series: Series::new(),
        };
        Self { warm_up, seen: Mutex::new(seen) }
    }

    /// From now on; what counts begins after the warm-up.
    pub fn begin(&self) -> Instant {
        let now = Instant::now();
        self.seen().began = Some(now + self.warm_up);
        now
    }

    pub fn end(&self) {
        self.seen().ended = Some(Instant::now());
    }

    /// One has ended that was due then.
    pub fn iteration(&self, due: Instant, outcome: Result<(), Failure>) {
        let mut seen = self.seen();
        let Some(since) = seen.began.and_then(|counts| due.checked_duration_since(counts)) else { return };
        let latency = microseconds(due.elapsed());
        seen.latencies.saturating_record(latency);
        seen.series.add(since, latency, outcome.is_err());
        let Err(failure) = outcome else { return };
        seen.failed += 1;
        let kind = failure.to_string();
        let known = seen.failures.contains_key(&kind) || seen.failures.len() < MOST_KINDS;
        *seen.failures.entry(if known { kind } else { "others".to_owned() }).or_default() += 1;
    }

    /// A call was answered.
    pub fn call(&self, what: &'static str, began: Instant, status: u16) {
        let mut seen = self.seen();
        if seen.began.is_none_or(|counts| began < counts) {
            return;
        }
        seen.calls.entry(what).or_insert_with(histogram).saturating_record(microseconds(began.elapsed()));
        *seen.statuses.entry(status).or_default() += 1;
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Three digits.
fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("these bounds are in order")
}

fn microseconds(duration: Duration) -> u64 {
    duration.as_micros().clamp(1, LONGEST_US.into()) as u64
}
