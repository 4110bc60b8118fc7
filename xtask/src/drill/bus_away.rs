//! NATS is away for a minute: orders are placed as before, and all of them are paid when it is back.

use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep};

use super::{
    load::{Clientele, Load, ORDERING, Pace},
    report::{figure, latencies, none_failed, seconds},
};
use crate::cluster::{Cluster, aftermath};

/// Twice what it takes.
pub const LIMIT: Duration = Duration::from_secs(300);

const NORMALLY: Duration = Duration::from_secs(10);

const AWAY: Duration = Duration::from_secs(60);

/// Some thousand orders wait, and each is an event, a payment, two events more.
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    let load = Load::start(&clientele, ORDERING, Pace::PerSecond(20));
    let before = Instant::now();
    sleep(NORMALLY).await;

    let killed = Instant::now();
    cluster.nats.kill().await?;
    sleep(AWAY).await;
    let waiting = waiting(cluster).await?;
    let started = Instant::now();
    cluster.nats.start().await?;
    let back = Instant::now();
    load.end_more(20).await?;

    let outcomes = load.stop().await?;
    let away = outcomes.between(killed, started);
    latencies("placing an order before", &outcomes.between(before, killed));
    latencies("placing an order meanwhile", &away);
    figure("orders that waited for its return", waiting);
    none_failed("failed requests", &outcomes)?;
    ensure!(away.count() > 0 && waiting > 0, "nobody had to wait for it");

    let (_, rest) = aftermath::is_over(cluster, SETTLED_WITHIN).await?;
    figure("all settled after its return", seconds(back.elapsed()));
    figure(
        "events told, heard, refused, set aside",
        format_args!("{}, {}, {}, {}", rest.told, rest.heard, rest.refused, rest.set_aside),
    );
    ensure!((rest.refused, rest.set_aside) == (0, 0), "events were held to be at fault: {rest:?}");
    let not_confirmed = count(cluster, "select count(*) from orders where status <> 'confirmed'").await?;
    ensure!(not_confirmed == 0, "{not_confirmed} orders are not confirmed");
    Ok(())
}

async fn waiting(cluster: &Cluster) -> anyhow::Result<i64> {
    count(cluster, "select count(*) from orders where status = 'pending'").await
}

async fn count(cluster: &Cluster, query: &'static str) -> anyhow::Result<i64> {
    let mut database = cluster.postgres.connect_to_orders().await?;
    Ok(sqlx::query_scalar(query).fetch_one(&mut database).await?)
}
