//! How long the work in hand may still take.
//!
//! A deadline is set where a request enters the system and travels with the task: a server passes it to the handler,
//! the client stack to the next service as `grpc-timeout`
//! (<https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>), the store to the database.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::{Instant, error::Elapsed, timeout_at};

/// The header that carries what is left of the time.
pub(crate) const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// So much sooner than the outer deadline ends the inner one: what is further in knows more of what was waited for, and
/// should be the one to tell. The clock of timers ticks in milliseconds.
const HEAD_START: Duration = Duration::from_millis(1);

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs the work and gives up when `limit` is over, or just before the deadline of the work around it if that is sooner.
///
/// Errors: the time is over.
pub async fn within<F: Future>(limit: Duration, work: F) -> Result<F::Output, Elapsed> {
    let own = Instant::now() + limit;
    let deadline = current().map_or(own, |outer| own.min(outer.checked_sub(HEAD_START).unwrap_or(outer)));
    timeout_at(deadline, DEADLINE.scope(deadline, work)).await
}

/// The time that is left for the work in hand; `None` where nothing limits it.
pub fn remaining() -> Option<Duration> {
    Some(current()?.saturating_duration_since(Instant::now()))
}

/// The moment at which it is over.
pub(crate) fn current() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}

/// What limits a call that is about to be made: the work in hand, or the caller's own `grpc-timeout`.
pub(crate) fn limit(headers: &HeaderMap) -> Option<Duration> {
    match (remaining(), parse(headers)) {
        (Some(left), Some(own)) => Some(left.min(own)),
        (left, own) => left.or(own),
    }
}

/// Tells the server how long we shall wait.
pub(crate) fn announce(headers: &mut HeaderMap) {
    if let Some(left) = remaining() {
        headers.insert(GRPC_TIMEOUT, format(left));
    }
}

/// Does not tell the server: it would give a stream no longer than its beginning may take.
pub(crate) fn conceal(headers: &mut HeaderMap) {
    headers.remove(GRPC_TIMEOUT);
}

/// At most eight digits and a unit.
pub(crate) fn parse(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(GRPC_TIMEOUT)?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

fn format(limit: Duration) -> HeaderValue {
    // Eight digits of microseconds are 99 seconds; of milliseconds, 27 hours, and nothing here waits that long.
    let text = match limit.as_micros() {
        micros @ ..=99_999_999 => format!("{micros}u"),
        micros => format!("{}m", (micros / 1000).min(99_999_999)),
    };
    HeaderValue::from_str(&text).expect("digits and a letter are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(value: &str) -> Option<Duration> {
        let value = HeaderValue::from_str(value).unwrap();
        parse(&HeaderMap::from_iter([(GRPC_TIMEOUT, value)]))
    }

    #[test]
    fn a_timeout_is_read_in_every_unit() {
        assert_eq!(parsed("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parsed("3M"), Some(Duration::from_secs(180)));
        assert_eq!(parsed("99999999S"), Some(Duration::from_secs(99_999_999)));
        assert_eq!(parsed("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parsed("7u"), Some(Duration::from_micros(7)));
        assert_eq!(parsed("7n"), Some(Duration::from_nanos(7)));
    }

    #[test]
    fn nonsense_is_no_timeout() {
        for nonsense in ["", "m", "123456789m", "-1S", "+1S", "1.5S", "1 S", "10", "1x"] {
            assert_eq!(parsed(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn what_is_sent_is_what_is_read() {
        for limit in [Duration::from_micros(4_321), Duration::from_secs(4_321)] {
            assert_eq!(parse(&HeaderMap::from_iter([(GRPC_TIMEOUT, format(limit))])), Some(limit));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn work_past_its_deadline_is_given_up() {
        let work = within(Duration::from_millis(50), std::future::pending::<()>());
        assert!(work.await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_inner_deadline_never_exceeds_the_outer() {
        let outer =
            within(Duration::from_millis(50), async { within(Duration::from_secs(5), async { remaining() }).await });
        assert_eq!(outer.await.unwrap().unwrap(), Some(Duration::from_millis(49)));
    }

    #[tokio::test]
    async fn without_a_deadline_nothing_limits_the_work() {
        assert_eq!(remaining(), None);
    }
}
