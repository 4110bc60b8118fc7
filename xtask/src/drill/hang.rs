//! One users instance hangs for ten seconds, under load: it is left out quickly, nobody who reads fails, and it is
//! used again when it is back.

use std::{iter::successors, time::Duration};

use anyhow::ensure;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::{
    cluster::{Cluster, DEADLINE, GET_USER},
    load::{ACCOUNTS, Clientele, Load, Outcome, Outcomes, Pace},
    patience::until,
    report::{figure, latencies, milliseconds, none_failed, seconds},
};

/// How long things are watched before it hangs.
const NORMALLY: Duration = Duration::from_secs(5);

const HANGS: Duration = Duration::from_secs(10);

/// By then it is left out.
const LEFT_OUT_AFTER: Duration = Duration::from_secs(3);

const USED_AGAIN_WITHIN: Duration = Duration::from_secs(5);

/// What a noisy machine may add to twice the normal latency.
const NOISE: Duration = Duration::from_millis(20);

pub async fn run(cluster: &Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    let load = Load::start(&clientele, ACCOUNTS, Pace::PerSecond(100));
    load.end_more(200).await?;
    let hanging = &cluster.users[1];
    let calls = hanging.calls()?;
    let watched = Instant::now();
    sleep(NORMALLY).await;
    ensure!(calls.succeeded(GET_USER)? > 0, "it was not even called before");

    let hung = Instant::now();
    hanging.signal(Signal::STOP)?;
    sleep(HANGS).await;
    let resumed = Instant::now();
    let story = goes_on(cluster, &load).await;

    let (ended, outcomes) = (Instant::now(), load.stop().await?);
    let left_out = hung + LEFT_OUT_AFTER;
    latencies("latency before", &outcomes.between(watched, hung));
    latencies("latency in its first 3 s", &outcomes.between(hung, left_out));
    latencies("latency when it is left out", &outcomes.between(left_out, resumed));
    latencies("latency when it is back", &outcomes.between(resumed, ended));
    none_failed("failed idempotent requests", &outcomes.only(Outcome::is_idempotent))?;
    ensure!(outcomes.slowest() <= DEADLINE, "a request took {}", milliseconds(outcomes.slowest()));
    judge(p99_of_most_seconds(&outcomes, watched, hung), p99_of_most_seconds(&outcomes, left_out, resumed))?;
    story
}

async fn goes_on(cluster: &Cluster, load: &Load) -> anyhow::Result<()> {
    let (hanging, gateway) = (&cluster.users[1], &cluster.gateways[0]);
    // It is off the list, and comes back to it as one that was never called.
    let before = gateway.sent_to(hanging.address()).await?;
    hanging.signal(Signal::CONT)?;
    let called = async || gateway.sent_to(hanging.address()).await.is_ok_and(|sent| sent > before);
    let took = until("it is called again", USED_AGAIN_WITHIN, called).await?;
    figure("used again after it went on", seconds(took));
    load.end_more(300).await
}

/// The median of the seconds' own: what hangs is there in each of them, and what else a machine does is not.
fn p99_of_most_seconds(outcomes: &Outcomes, from: Instant, to: Instant) -> Duration {
    const SECOND: Duration = Duration::from_secs(1);
    let starts = successors(Some(from), |start| Some(*start + SECOND)).take_while(|start| *start + SECOND <= to);
    let mut p99s: Vec<_> = starts.map(|start| outcomes.between(start, start + SECOND).percentile(99)).collect();
    p99s.sort_unstable();
    p99s[p99s.len() / 2]
}

fn judge(normal: Duration, left_out: Duration) -> anyhow::Result<()> {
    let limit = normal * 2 + NOISE;
    let [limit_text, left_out_text] = [limit, left_out].map(milliseconds);
    figure("p99 of most seconds when it is left out", &left_out_text);
    figure("p99 allowed: twice the normal and 20 ms", &limit_text);
    ensure!(left_out <= limit, "when it is left out, p99 is {left_out_text}, more than {limit_text}");
    Ok(())
}
