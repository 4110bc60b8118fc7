//! What a drill prints of what it saw: a figure a line, in two columns.

use std::{fmt::Display, time::Duration};

use anyhow::{bail, ensure};

use super::load::Outcomes;

/// Opens the figures of one part of a drill.
pub fn heading(name: &str) {
    println!("— {name}");
}

pub fn figure(name: &str, value: impl Display) {
    println!("  {name:<40} {value}");
}

pub fn milliseconds(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

pub fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// Prints how many failed, with the story of the first few. Errors: there are any.
pub fn none_failed(name: &str, outcomes: &Outcomes) -> anyhow::Result<()> {
    let (failed, count) = (outcomes.failed(), outcomes.count());
    figure(name, format_args!("{failed} of {count}"));
    for trouble in outcomes.troubles().take(3) {
        figure("", trouble);
    }
    ensure!(failed == 0, "{name}: {failed} of {count}");
    Ok(())
}

pub fn latencies(name: &str, outcomes: &Outcomes) {
    let [p50, p99, slowest] = [50, 99, 100].map(|percent| milliseconds(outcomes.percentile(percent)));
    figure(name, format_args!("p50 {p50}, p99 {p99}, slowest {slowest} ({} requests)", outcomes.count()));
}

/// What makes others wait does so each time; somebody else who needs the machine does not.
const LOOKS: usize = 3;

/// Looks at latencies as they normally are and as they are now.
///
/// Errors: a look fails; or each time the p99 of most seconds is more than twice the normal one and `noise`, what a noisy
/// machine may add.
pub async fn no_slower(
    when: &str,
    noise: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<[Outcomes; 2]>,
) -> anyhow::Result<()> {
    let allowed = format!("p99 allowed: twice the normal and {} ms", noise.as_millis());
    for _ in 0..LOOKS {
        let [normal, now] = look().await?.map(|outcomes| outcomes.p99_of_most_seconds());
        let limit = normal * 2 + noise;
        figure(&format!("p99 of most seconds {when}"), milliseconds(now));
        figure(&allowed, milliseconds(limit));
        if now <= limit {
            return Ok(());
        }
    }
    bail!("{when}, p99 was more than allowed in each of {LOOKS} looks");
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{
        super::load::{Kind, Outcome},
        *,
    };

    fn outcomes(latency: Duration) -> Outcomes {
        let (kind, began) = (Kind::Read, Instant::now());
        Outcomes::new(vec![Outcome { kind, began, latency, status: None, trouble: None }])
    }

    /// Normal is 10 ms. How many looks were taken, and whether one of them was good.
    async fn looks_at(seen: [u64; 3]) -> (usize, bool) {
        let mut looks = 0;
        let look = async || {
            let now = seen[looks];
            looks += 1;
            Ok([10, now].map(|latency| outcomes(Duration::from_millis(latency))))
        };
        let is_good = no_slower("now", Duration::from_millis(5), look).await.is_ok();
        (looks, is_good)
    }

    #[tokio::test]
    async fn a_bad_moment_is_forgiven_and_what_is_always_slow_is_not() {
        assert_eq!(looks_at([25, 0, 0]).await, (1, true));
        assert_eq!(looks_at([224, 25, 0]).await, (2, true));
        assert_eq!(looks_at([224, 26, 25]).await, (3, true));
        assert_eq!(looks_at([224, 26, 26]).await, (3, false));
    }

    #[tokio::test]
    async fn a_look_that_fails_is_not_taken_again() {
        let failure = no_slower("now", Duration::ZERO, async || bail!("a request failed")).await;
        assert_eq!(failure.unwrap_err().to_string(), "a request failed");
    }
}
