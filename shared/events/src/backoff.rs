//! How long to wait before something that was away is asked again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Waits that grow, from 100 ms to 5 s.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    waits: u32,
}

impl Backoff {
    /// The next wait; half of it is left to chance, so that those who wait for the same do not come together.
    pub fn next(&mut self) -> Duration {
        let longest = FIRST.saturating_mul(1 << self.waits.min(16)).min(LONGEST);
        self.waits = self.waits.saturating_add(1);
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// It is there.
    pub fn reset(&mut self) {
        self.waits = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..100).map(|_| backoff.next()).collect();
        assert!((FIRST / 2..=FIRST).contains(&waits[0]), "{waits:?}");
        assert!((FIRST..=FIRST * 2).contains(&waits[1]), "{waits:?}");
        assert!(waits[10..].iter().all(|wait| (LONGEST / 2..=LONGEST).contains(wait)), "{waits:?}");
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
