//! How many retries there may be, so that trying again never becomes the larger part of the load.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// So many seconds' worth of retries are saved for when an instance with many calls in flight goes.
const SAVED_S: f64 = 10.0;

/// The size of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Retries that a hundred calls allow.
    pub percent: u32,
    /// Retries that every second allows besides.
    pub min_per_s: u32,
}

/// What a retry costs; a call brings `percent`.
const RETRY: f64 = 100.0;

impl Limits {
    fn most_saved(self) -> f64 {
        RETRY * (SAVED_S * f64::from(self.min_per_s) + f64::from(self.percent))
    }
}

/// Reads either of them.
pub(crate) fn limit(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|limit| *limit <= 1000).ok_or("a retry limit is a number from 0 to 1000")
}

/// What one channel may spend on retries. It begins with nothing, so that it holds for every stretch of time from its
/// beginning: no more retries than the share of the calls and so many a second.
///
/// Tower's `TpsBudget` begins with ten seconds' worth and grants as much again with every window.
pub(crate) struct Budget(Mutex<Saved>);

struct Saved {
    amount: f64,
    at: Instant,
}

impl Budget {
    pub fn new() -> Self {
        Self(Mutex::new(Saved { amount: 0.0, at: Instant::now() }))
    }

    /// A call was made.
    pub fn deposit(&self, limits: Limits) {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        saved.amount = (saved.amount + f64::from(limits.percent)).min(limits.most_saved());
    }

    /// Whether there may be a retry, which is then spent.
    pub fn withdraw(&self, limits: Limits) -> bool {
        let mut saved = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earned = (now - saved.at).as_secs_f64() * f64::from(limits.min_per_s) * RETRY;
        *saved = Saved { amount: (saved.amount + earned).min(limits.most_saved()), at: now };
        let granted = saved.amount >= RETRY;
        if granted {
            saved.amount -= RETRY;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    fn granted(budget: &Budget, limits: Limits) -> usize {
        (0..10_000).filter(|_| budget.withdraw(limits)).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_calls_allow_twenty_retries() {
        let limits = Limits { percent: 20, min_per_s: 0 };
        let budget = Budget::new();
        assert_eq!(granted(&budget, limits), 0);
        (0..95).for_each(|_| budget.deposit(limits));
        assert_eq!(granted(&budget, limits), 19);
        assert_eq!(granted(&budget, limits), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn and_every_second_ten() {
        let limits = Limits { percent: 20, min_per_s: 10 };
        let budget = Budget::new();
        advance(Duration::from_secs(3)).await;
        assert_eq!(granted(&budget, limits), 30);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_day_is_not_saved_up() {
        let limits = Limits { percent: 20, min_per_s: 10 };
        let budget = Budget::new();
        (0..100_000).for_each(|_| budget.deposit(limits));
        advance(Duration::from_secs(86_400)).await;
        assert_eq!(granted(&budget, limits), 120);
    }

    #[test]
    fn a_limit_is_a_small_number() {
        assert_eq!(limit("20"), Ok(20));
        for nonsense in ["", "-1", "20%", "1001", "many"] {
            assert!(limit(nonsense).is_err(), "{nonsense}");
        }
    }
}
