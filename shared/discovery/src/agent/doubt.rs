//! Whether to believe an answer: a registry that was away may know nothing at first.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

/// How long those that are missing from a doubtful answer are believed to be there all the same. What is really gone is
/// ejected by whoever calls it.
pub(crate) const DOUBT: Duration = Duration::from_secs(30);

/// What is believed to be there, by name.
pub(crate) struct Believed<T> {
    entries: BTreeMap<String, T>,
    doubt_ends: Option<Instant>,
}

impl<T: Clone> Believed<T> {
    pub fn nothing() -> Self {
        Self { entries: BTreeMap::new(), doubt_ends: None }
    }

    pub fn entries(&self) -> &BTreeMap<String, T> {
        &self.entries
    }

    /// Takes an answer. `doubtful`: whoever gave it may have been restarted since the last one.
    ///
    /// Returns in how long to ask again at the latest, if that makes a difference.
    pub fn take(&mut self, answer: BTreeMap<String, T>, doubtful: bool) -> Option<Duration> {
        let now = Instant::now();
        let all_gone = answer.is_empty() && !self.entries.is_empty();
        if doubtful || (all_gone && self.doubt_ends.is_none()) {
            self.doubt_ends = Some(now + DOUBT);
        }
        match self.doubt_ends.map(|end| end.saturating_duration_since(now)) {
            // What is new is believed at once.
            Some(left) if !left.is_zero() => {
                self.entries.extend(answer);
                Some(left)
            }
            _ => {
                self.entries = answer;
                self.doubt_ends = None;
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn some(names: &[(&str, u32)]) -> BTreeMap<String, u32> {
        names.iter().map(|(name, life)| ((*name).to_owned(), *life)).collect()
    }

    fn believed(names: &[(&str, u32)]) -> Believed<u32> {
        let mut believed = Believed::nothing();
        assert_eq!(believed.take(some(names), false), None);
        believed
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_replaces_the_one_before() {
        let mut believed = believed(&[("a", 1), ("b", 1)]);
        assert_eq!(believed.take(some(&[("b", 2)]), false), None);
        assert_eq!(*believed.entries(), some(&[("b", 2)]));
    }

    #[tokio::test(start_paused = true)]
    async fn that_all_are_gone_is_believed_after_a_while() {
        let mut believed = believed(&[("a", 1)]);
        assert_eq!(believed.take(some(&[]), false), Some(DOUBT));
        advance(DOUBT / 2).await;
        assert_eq!(believed.take(some(&[]), false), Some(DOUBT / 2));
        assert_eq!(*believed.entries(), some(&[("a", 1)]));
        advance(DOUBT / 2).await;
        assert_eq!(believed.take(some(&[]), false), None);
        assert!(believed.entries().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_registry_that_was_away_is_believed_what_it_has_not_what_it_lacks() {
        let mut believed = believed(&[("a", 1), ("b", 1)]);
        assert_eq!(believed.take(some(&[("b", 2)]), true), Some(DOUBT));
        assert_eq!(*believed.entries(), some(&[("a", 1), ("b", 2)]));
        advance(DOUBT).await;
        assert_eq!(believed.take(some(&[("b", 2)]), false), None);
        assert_eq!(*believed.entries(), some(&[("b", 2)]));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_missed_where_nobody_was() {
        let mut believed = believed(&[]);
        believed.take(some(&[]), true);
        believed.take(some(&[("a", 1)]), false);
        assert_eq!(*believed.entries(), some(&[("a", 1)]));
    }
}
