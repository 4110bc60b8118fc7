//! Every instance of every service is restarted in turn, under load: nobody notices, not even who writes.

use std::time::{Duration, Instant};

use anyhow::ensure;

use super::{
    load::{Clientele, Load, Pace, SHOPPING},
    report::{figure, latencies, none_failed, seconds},
};
use crate::cluster::Cluster;

const REGISTERED_WITHIN: Duration = Duration::from_secs(5);

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    let load = Load::start(&clientele, SHOPPING, Pace::PerSecond(100));
    let story = restart_all(cluster, &load).await;
    let outcomes = load.stop().await?;
    latencies("latency", &outcomes);
    figure("statuses", outcomes.statuses());
    figure("asked the other gateway", clientele.failed_over());
    none_failed("failed requests", &outcomes)?;
    story
}

async fn restart_all(cluster: &mut Cluster, load: &Load) -> anyhow::Result<()> {
    load.end_more(200).await?;
    let Cluster { users, orders, payments, gateways, agent, .. } = cluster;
    for instance in users.iter_mut().chain(orders).chain(payments).chain(gateways) {
        let began = Instant::now();
        let status = instance.restart().await?;
        if instance.service().is_registered() {
            agent.list_all(&[instance], REGISTERED_WITHIN).await?;
        }
        figure(instance.name(), format_args!("{status}, back after {}", seconds(began.elapsed())));
        ensure!(status.success(), "{} ended with {status}", instance.name());
    }
    load.end_more(200).await
}
