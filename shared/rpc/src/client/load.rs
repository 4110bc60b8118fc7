//! What an instance has to do: the time that its answers take and the calls that wait for one.
//!
//! Peak EWMA as in Finagle: a slow answer counts at once and in full, and is forgotten exponentially.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

/// A slow answer is forgotten at this pace: to some third in this time.
const DECAY: Duration = Duration::from_secs(10);

/// The cost of a call to an instance that has been given calls and has never answered, in nanoseconds: one call finds
/// out how it is, the others rather go elsewhere.
const UNKNOWN: f64 = 1e9;

/// Shared by all calls to one instance. Two that end at the same moment may overwrite each other's time: it is an
/// estimate.
pub(crate) struct Load {
    /// Times are nanoseconds since then.
    epoch: Instant,
    pending: AtomicU32,
    /// The estimate of an answer's time in nanoseconds, an f64's bits; 0 until there was one.
    estimate: AtomicU64,
    /// When the estimate was made.
    estimated: AtomicU64,
    /// When it last answered, or was given a call while it had none.
    heard: AtomicU64,
}

impl Load {
    pub fn new() -> Self {
        Self {
            epoch: Instant::now(),
            pending: AtomicU32::new(0),
            estimate: AtomicU64::new(0),
            estimated: AtomicU64::new(0),
            heard: AtomicU64::new(0),
        }
    }

    /// How many calls wait for an answer.
    pub fn pending(&self) -> u32 {
        self.pending.load(Relaxed)
    }

    /// A call begins.
    pub fn begin(&self) {
        if self.pending.fetch_add(1, Relaxed) == 0 {
            self.heard.store(self.now(), Relaxed);
        }
    }

    /// It is over, whatever became of it.
    pub fn end(&self) {
        self.pending.fetch_sub(1, Relaxed);
    }

    /// It was answered after so long.
    pub fn answered(&self, took: Duration) {
        let now = self.now();
        let took = took.as_secs_f64() * 1e9;
        let weight = self.weight(now);
        let estimate = self.estimate() * weight;
        let estimate = if took > estimate { took } else { estimate + took * (1.0 - weight) };
        self.estimate.store(estimate.to_bits(), Relaxed);
        self.estimated.store(now, Relaxed);
        self.heard.store(now, Relaxed);
    }

    /// The time in nanoseconds until one more call would be answered. An instance that says nothing is at least as slow
    /// as it has been silent.
    pub fn cost(&self) -> f64 {
        let pending = f64::from(self.pending());
        let now = self.now();
        let estimate = self.estimate();
        if estimate == 0.0 {
            return pending * UNKNOWN;
        }
        let silence = if pending > 0.0 { now.saturating_sub(self.heard.load(Relaxed)) } else { 0 };
        (estimate * self.weight(now)).max(nanoseconds(silence)) * (pending + 1.0)
    }

    /// The time that an answer takes, as far as is known.
    pub fn expected(&self) -> Duration {
        Duration::from_secs_f64(self.estimate() * self.weight(self.now()) / 1e9)
    }

    fn estimate(&self) -> f64 {
        f64::from_bits(self.estimate.load(Relaxed))
    }

    /// How much of the estimate is left.
    fn weight(&self, now: u64) -> f64 {
        let age = now.saturating_sub(self.estimated.load(Relaxed));
        (-nanoseconds(age) / (DECAY.as_secs_f64() * 1e9)).exp()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.epoch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[expect(clippy::cast_precision_loss, reason = "an estimate needs no more than 53 bits")]
fn nanoseconds(time: u64) -> f64 {
    time as f64
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_counts_at_once_and_is_forgotten_in_time() {
        let load = Load::new();
        load.answered(MILLISECOND);
        load.answered(100 * MILLISECOND);
        assert_eq!(load.expected(), 100 * MILLISECOND);
        advance(DECAY).await;
        assert!((36..38).contains(&load.expected().as_millis()), "{:?}", load.expected());
        load.answered(MILLISECOND);
        assert!((36..39).contains(&load.expected().as_millis()), "{:?}", load.expected());
    }

    #[tokio::test(start_paused = true)]
    async fn every_waiting_call_makes_the_next_one_dearer() {
        let load = Load::new();
        load.answered(MILLISECOND);
        let free = load.cost();
        load.begin();
        load.begin();
        assert!((load.cost() / free - 3.0).abs() < 1e-6);
        load.end();
        load.end();
        assert!((load.cost() / free - 1.0).abs() < 1e-6);
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_as_slow_as_the_silence() {
        let load = Load::new();
        load.answered(MILLISECOND);
        load.begin();
        advance(500 * MILLISECOND).await;
        assert!(load.cost() >= 1e9, "{}", load.cost());
        load.end();
        assert!(load.cost() < 2e6, "{}", load.cost());
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_instance_gets_one_call_before_it_is_known() {
        let load = Load::new();
        assert!(load.cost() < f64::EPSILON);
        load.begin();
        assert!(load.cost() >= UNKNOWN);
    }
}
