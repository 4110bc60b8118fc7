//! Who has asked how often: a bucket for everybody, which fills up again by itself.

use std::{hash::Hash, time::Duration};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::{StateInformationMiddleware, StateSnapshot},
    state::keyed::DashMapStateStore,
};
use tokio::time::Instant;

use super::standing::Standing;

pub struct Limiter<K: Hash + Eq + Clone> {
    quota: Quota,
    clock: Uptime,
    buckets: RateLimiter<K, DashMapStateStore<K>, Uptime, StateInformationMiddleware>,
}

/// Tokio's clock, which tests can stop.
#[derive(Clone, Copy, Debug)]
struct Uptime(Instant);

impl Clock for Uptime {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl<K: Hash + Eq + Clone> Limiter<K> {
    pub fn new(quota: Quota) -> Self {
        let clock = Uptime(Instant::now());
        let buckets = RateLimiter::new(quota, DashMapStateStore::default(), clock);
        Self { quota, clock, buckets }
    }

    /// Counts a request, and tells how many more there may be by `policy`.
    pub fn count(&self, policy: &'static str, key: &K) -> Standing {
        let (left, wait) = match self.buckets.check_key(key) {
            Ok(state) => (StateSnapshot::remaining_burst_capacity(&state), None),
            Err(until) => (0, Some(until.wait_time_from(self.clock.now()))),
        };
        let burst = self.quota.burst_size().get();
        let replenished = |requests: u32| (self.quota.replenish_interval() * requests).as_secs_f64().ceil() as u64;
        Standing { policy, burst, window: replenished(burst), left, until_full: replenished(burst - left), wait }
    }

    /// Who may ask for a whole burst again is as one who has never asked.
    pub fn forget_the_rested(&self) {
        self.buckets.retain_recent();
        self.buckets.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn limiter(per_s: u32, burst: u32) -> Limiter<u8> {
        let [per_s, burst] = [per_s, burst].map(|number| NonZeroU32::new(number).unwrap());
        Limiter::new(Quota::per_second(per_s).allow_burst(burst))
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_fills_up_again_in_time() {
        let limiter = limiter(2, 4);
        let left = [(); 5].map(|()| limiter.count("address", &1));
        assert_eq!(left.clone().map(|standing| standing.left), [3, 2, 1, 0, 0]);
        assert_eq!(left[3].wait, None);
        assert_eq!(left[4].wait, Some(Duration::from_millis(500)));
        assert_eq!((left[4].window, left[4].until_full), (2, 2));
        tokio::time::advance(Duration::from_millis(500)).await;
        assert_eq!(limiter.count("address", &1).wait, None);
        assert!(limiter.count("address", &1).wait.is_some());
        assert_eq!(limiter.count("address", &2).left, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_rested_is_forgotten() {
        let limiter = limiter(2, 4);
        for key in 0..100 {
            limiter.count("address", &key);
        }
        limiter.forget_the_rested();
        assert_eq!(limiter.buckets.len(), 100);
        tokio::time::advance(Duration::from_secs(3)).await;
        limiter.forget_the_rested();
        assert!(limiter.buckets.is_empty());
    }
}
