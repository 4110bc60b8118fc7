//! What a drill prints of what it saw: a figure a line, in two columns.

use std::{fmt::Display, time::Duration};

use anyhow::ensure;

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

/// Errors: the p99 of most seconds is more than twice the normal one, and what a noisy machine may add.
pub fn no_slower(when: &str, normal: &Outcomes, now: &Outcomes, noise: Duration) -> anyhow::Result<()> {
    let (now, limit) = (now.p99_of_most_seconds(), normal.p99_of_most_seconds() * 2 + noise);
    let [now_text, limit_text] = [now, limit].map(milliseconds);
    figure(&format!("p99 of most seconds {when}"), &now_text);
    figure(&format!("p99 allowed: twice the normal and {} ms", noise.as_millis()), &limit_text);
    ensure!(now <= limit, "{when}, p99 is {now_text}, more than {limit_text}");
    Ok(())
}
