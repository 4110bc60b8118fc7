//! What became of an order, version by version.

use time::OffsetDateTime;

use super::{Order, Status};

/// An order after one of its changes, counted from 1 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub number: i64,
    pub status: Status,
    pub since: OffsetDateTime,
}

/// The versions that come after one of them.
#[derive(Debug)]
pub struct History {
    pub versions: Vec<Version>,
    /// No other will follow for now.
    pub is_settled: bool,
}

impl History {
    /// `recorded` are those after `after`, in order. The last one has no record if an older program made it.
    pub fn new(mut recorded: Vec<Version>, last: Version, after: i64) -> Self {
        let known = recorded.last().map_or(after, |version| version.number);
        let is_settled = last.status.is_settled();
        if last.number > known {
            recorded.push(last);
        }
        Self { versions: recorded, is_settled }
    }
}

impl Order {
    /// As it was then: lines and total never change.
    pub fn in_version(&self, version: Version) -> Self {
        let Version { number, status, since } = version;
        Self { version: number, status, updated_at: since, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: i64, status: Status) -> Version {
        Version { number, status, since: OffsetDateTime::UNIX_EPOCH }
    }

    fn numbers(history: &History) -> Vec<i64> {
        history.versions.iter().map(|version| version.number).collect()
    }

    #[test]
    fn a_version_without_a_record_is_told_all_the_same() {
        let (placed, cancelled) = (version(1, Status::Pending), version(2, Status::Cancelled));
        let history = History::new(vec![placed], cancelled.clone(), 0);
        assert_eq!((numbers(&history), history.is_settled), (vec![1, 2], true));
        assert_eq!(numbers(&History::new(Vec::new(), cancelled, 1)), [2]);
    }

    #[test]
    fn no_version_is_told_twice() {
        let placed = version(1, Status::Pending);
        assert_eq!(numbers(&History::new(vec![placed.clone()], placed.clone(), 0)), [1]);
        let history = History::new(Vec::new(), placed, 1);
        assert_eq!((numbers(&history), history.is_settled), (Vec::new(), false));
    }

    #[test]
    fn a_version_that_is_still_to_come_is_waited_for() {
        let history = History::new(Vec::new(), version(1, Status::Pending), 7);
        assert!(history.versions.is_empty() && !history.is_settled);
    }
}
