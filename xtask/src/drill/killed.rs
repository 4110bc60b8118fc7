//! One users instance is killed under load: whoever reads notices nothing, it is soon off every list, and it is used
//! again as soon as it is back.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::{
    load::{ACCOUNTS, Clientele, Load, Outcome, Pace},
    report::{figure, latencies, none_failed, seconds},
};
use crate::{
    cluster::{CHECK_INTERVAL, Cluster, GET_USER},
    patience::until,
};

const REQUESTS: usize = 5000;

/// The next check finds it dead, and the news travels; a busy machine may take its time over either.
const OFF_THE_LISTS_WITHIN: Duration = CHECK_INTERVAL.saturating_add(Duration::from_secs(2));

const USED_AGAIN_WITHIN: Duration = Duration::from_secs(2);

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    let load = Load::start(&clientele, ACCOUNTS, Pace::Workers(8));
    let story = kill_and_start(cluster, &load).await;
    let outcomes = load.stop().await?;
    latencies("latency", &outcomes);
    figure("statuses", outcomes.statuses());
    none_failed("failed idempotent requests", &outcomes.only(Outcome::is_idempotent))?;
    story
}

async fn kill_and_start(cluster: &mut Cluster, load: &Load) -> anyhow::Result<()> {
    let calls = cluster.users[1].calls()?;
    load.end_more(1000).await?;
    ensure!(calls.succeeded(GET_USER)? > 0, "it was not even called before");

    cluster.users[1].kill().await?;
    goes_off_the_lists(cluster).await?;

    load.end_more(1000).await?;
    is_used_again(cluster).await?;

    load.end_more(REQUESTS.saturating_sub(load.ended())).await
}

async fn goes_off_the_lists(cluster: &Cluster) -> anyhow::Result<()> {
    let (killed, began) = (cluster.users[1].address(), Instant::now());
    let passing = async || cluster.agent.passing("users").await.is_ok_and(|passing| !passing.contains(&killed));
    let took = until("Consul takes it for dead", OFF_THE_LISTS_WITHIN, passing).await?;
    figure("off Consul's list after", seconds(took));
    for gateway in &cluster.gateways {
        let what = format!("{} drops it", gateway.name());
        let forgotten = async || gateway.knows(killed).await.is_ok_and(|knows| !knows);
        until(&what, OFF_THE_LISTS_WITHIN.saturating_sub(began.elapsed()), forgotten).await?;
    }
    figure("off both gateways' lists after", seconds(began.elapsed()));
    Ok(())
}

async fn is_used_again(cluster: &mut Cluster) -> anyhow::Result<()> {
    let back = &mut cluster.users[1];
    let calls = back.calls()?;
    back.start()?;
    back.ready().await?;
    let called = async || calls.succeeded(GET_USER).is_ok_and(|calls| calls > 0);
    let took = until("it is called again", USED_AGAIN_WITHIN, called).await?;
    figure("used again after it was ready", seconds(took));
    Ok(())
}
