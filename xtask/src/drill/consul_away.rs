//! Consul is away for half a minute, under load, and comes back knowing nothing: nobody notices, and every instance
//! registers again by itself.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{
    load::{Clientele, Load, Pace, SHOPPING},
    report::{figure, latencies, none_failed, seconds},
};
use crate::cluster::Cluster;

const AWAY: Duration = Duration::from_secs(30);

const REGISTERED_WITHIN: Duration = Duration::from_secs(10);

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    let load = Load::start(&clientele, SHOPPING, Pace::PerSecond(100));
    load.end_more(300).await?;

    let stopped = Instant::now();
    cluster.agent.stop().await?;
    sleep(AWAY).await;
    let started = Instant::now();
    cluster.agent.start().await?;
    let story = comes_back(cluster, &load).await;

    let (ended, outcomes) = (Instant::now(), load.stop().await?);
    latencies("latency while it was away", &outcomes.between(stopped, started));
    latencies("latency after that", &outcomes.between(started, ended));
    none_failed("failed requests", &outcomes)?;
    story
}

async fn comes_back(cluster: &Cluster, load: &Load) -> anyhow::Result<()> {
    let took = cluster.agent.list_all(&cluster.registered(), REGISTERED_WITHIN).await?;
    figure("all registered after its return", seconds(took));
    // What Consul said while it still knew nothing must do no harm later either.
    load.end_more(500).await
}
