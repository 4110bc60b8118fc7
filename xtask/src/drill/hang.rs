//! One users instance hangs for ten seconds, under load: it is left out quickly, nobody who reads fails, and it is
//! used again when it is back.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::{
    load::{ACCOUNTS, Clientele, Load, Outcome, Outcomes, Pace},
    report::{figure, latencies, milliseconds, no_slower, none_failed, seconds},
};
use crate::{
    cluster::{Cluster, DEADLINE, GET_USER, Instance},
    patience::until,
};

/// How long things are watched before it hangs.
const NORMALLY: Duration = Duration::from_secs(5);

/// One that has just been slow, since it hashed passwords, is spared until that is forgotten.
const CALLED_WITHIN: Duration = Duration::from_secs(60);

const HANGS: Duration = Duration::from_secs(10);

/// By then it is left out.
const LEFT_OUT_AFTER: Duration = Duration::from_secs(3);

const USED_AGAIN_WITHIN: Duration = Duration::from_secs(5);

/// What a noisy machine may add to twice the normal latency.
const NOISE: Duration = Duration::from_millis(20);

pub async fn run(cluster: &Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    no_slower("when it is left out", NOISE, async || look(cluster, &clientele).await).await
}

/// What is noticed normally, and when it is left out. Errors: what must not be noticed at any time.
async fn look(cluster: &Cluster, clientele: &Arc<Clientele>) -> anyhow::Result<[Outcomes; 2]> {
    let load = Load::start(clientele, ACCOUNTS, Pace::PerSecond(100));
    load.end_more(200).await?;
    let hanging = &cluster.users[1];
    is_called(hanging).await?;
    let watched = Instant::now();
    sleep(NORMALLY).await;
    is_called(hanging).await?;

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
    story?;
    Ok([outcomes.between(watched, hung), outcomes.between(left_out, resumed)])
}

/// Waits until it is called: what nobody calls would not be missed.
async fn is_called(instance: &Instance) -> anyhow::Result<()> {
    let calls = instance.calls()?;
    let called = async || calls.succeeded(GET_USER).is_ok_and(|calls| calls > 0);
    until("the instance that is to hang is called", CALLED_WITHIN, called).await?;
    Ok(())
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
