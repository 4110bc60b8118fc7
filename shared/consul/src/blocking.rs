//! Queries that wait for a change, and the rules for the index that they wait with.

use std::time::Duration;

/// What Consul waits at most, whatever it is asked for.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// A read of what has an index: which state it waits to be left, how long, and how fresh the answer must be.
///
/// <https://developer.hashicorp.com/consul/api-docs/features/blocking>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Answer when the state is no longer the one of this index; 0 answers at once.
    pub index: u64,
    /// Answer after this time even if nothing has changed, at most 10 minutes. Consul adds up to a sixteenth at random.
    /// Without an `index` it means nothing.
    pub wait: Duration,
    /// Who may answer.
    pub consistency: Consistency,
}

/// Who may answer a read. <https://developer.hashicorp.com/consul/api-docs/features/consistency>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Consistency {
    /// The leader, without asking its followers: stale only in the moment in which it is replaced.
    #[default]
    Default,
    /// Any server, however old its state is: see [`Indexed::last_contact`].
    Stale,
    /// The leader, after it has asked its followers: never stale, one more round trip.
    Consistent,
}

/// An answer that has an index, to wait with for the next one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed<T> {
    /// The answer itself.
    pub value: T,
    /// `X-Consul-Index`: the state that the answer is of.
    pub index: u64,
    /// `X-Consul-KnownLeader`, where it was said: whether the server that answered knew of a leader.
    pub known_leader: Option<bool>,
    /// `X-Consul-LastContact`, where it was said: how long ago that server had heard from the leader, in milliseconds.
    pub last_contact: Option<Duration>,
}

/// Answers at once, or waits as long as Consul does by default: 5 minutes.
impl Default for Query {
    fn default() -> Self {
        Self { index: 0, wait: Duration::from_secs(300), consistency: Consistency::Default }
    }
}

impl Query {
    /// The same query, to be asked after this answer: it waits for the next state.
    ///
    /// It follows the documentation: an index that goes backwards is reset to 0, so that the next answer comes at once
    /// and nothing is missed; an index of 0 is taken for 1, with which the next query waits where 0 would make it spin.
    /// An answer is no proof of a change, and a server in trouble may answer at once each time: whoever loops must
    /// compare, and limit its rate.
    pub fn after<T>(self, answer: &Indexed<T>) -> Self {
        let index = answer.index.max(1);
        Self { index: if index < self.index { 0 } else { index }, ..self }
    }

    /// The `index` and `wait` to ask with; `None` for a query that does not wait.
    pub(crate) fn block(&self) -> Option<(u64, Duration)> {
        // A wait of zero would be the default of 5 minutes.
        let wait = self.wait.clamp(Duration::from_millis(1), LONGEST_WAIT);
        (self.index > 0).then_some((self.index, wait))
    }

    /// How much later than usual the answer may come.
    pub(crate) fn patience(&self) -> Duration {
        self.block().map_or(Duration::ZERO, |(_, wait)| wait + wait / 16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(sent: u64, answered: u64) -> u64 {
        let answer = Indexed { value: (), index: answered, known_leader: None, last_contact: None };
        Query { index: sent, ..Query::default() }.after(&answer).index
    }

    #[test]
    fn the_next_query_waits_for_what_follows_the_answer() {
        assert_eq!(next(0, 7), 7);
        assert_eq!(next(7, 9), 9);
        assert_eq!(next(9, 9), 9);
    }

    #[test]
    fn an_index_that_goes_backwards_is_reset() {
        assert_eq!(next(9, 8), 0);
        assert_eq!(next(9, 0), 0);
    }

    #[test]
    fn an_index_of_zero_does_not_make_the_loop_spin() {
        assert_eq!(next(0, 0), 1);
        assert_eq!(next(1, 0), 1);
    }

    #[test]
    fn only_a_query_with_an_index_waits() {
        assert_eq!(Query::default().patience(), Duration::ZERO);
        let query = Query { index: 3, wait: Duration::from_secs(16), ..Query::default() };
        assert_eq!(query.patience(), Duration::from_secs(17));
    }

    #[test]
    fn a_wait_is_within_what_consul_can_do() {
        let block = |wait| Query { index: 3, wait, ..Query::default() }.block();
        assert_eq!(block(Duration::MAX), Some((3, LONGEST_WAIT)));
        assert_eq!(block(Duration::ZERO), Some((3, Duration::from_millis(1))));
    }
}
