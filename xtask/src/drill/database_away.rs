//! PostgreSQL is away for 20 s: every instance stays where it is, clients are told in time that this is not the time,
//! and all is well when it is back.

use std::time::Duration;

use anyhow::ensure;
use reqwest::StatusCode;
use tokio::time::{Instant, sleep};

use super::{
    cluster::{Cluster, DEADLINE},
    load::{Clientele, Load, Outcomes, Pace, SHOPPING},
    report::{figure, latencies, milliseconds, none_failed},
};

const AWAY: Duration = Duration::from_secs(20);

const WELL_WITHIN: Duration = Duration::from_secs(2);

const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    let load = Load::start(&clientele, SHOPPING, Pace::PerSecond(20));
    load.end_more(60).await?;

    let stopped = Instant::now();
    cluster.postgres.stop().await?;
    while stopped.elapsed() < AWAY {
        all_are_listed(cluster).await?;
        sleep(BETWEEN_LOOKS).await;
    }
    cluster.postgres.start_again().await?;
    let back = Instant::now();
    sleep(WELL_WITHIN).await;
    let well = Instant::now();
    load.end_more(100).await?;
    all_are_listed(cluster).await?;

    let outcomes = load.stop().await?;
    let affected = outcomes.only(|outcome| outcome.began < well && outcome.began + outcome.latency >= stopped);
    figure("statuses until 2 s after its return", affected.statuses());
    latencies("latency until then", &affected);
    figure("statuses of those after it was back", outcomes.between(back, well).statuses());
    judge(&affected)?;
    none_failed("failed requests before", &outcomes.only(|outcome| outcome.began + outcome.latency < stopped))?;
    none_failed("failed requests after", &outcomes.only(|outcome| outcome.began >= well))
}

async fn all_are_listed(cluster: &Cluster) -> anyhow::Result<()> {
    for instance in cluster.instances() {
        ensure!(cluster.agent.lists(instance).await, "Consul no longer lists {}", instance.name());
    }
    Ok(())
}

fn judge(affected: &Outcomes) -> anyhow::Result<()> {
    let failed = affected.only(|outcome| outcome.has_failed());
    ensure!(failed.count() > 0, "nobody noticed that PostgreSQL was away");
    let other = failed.only(|outcome| outcome.status != Some(StatusCode::SERVICE_UNAVAILABLE));
    none_failed("failed otherwise than with 503", &other)?;
    ensure!(affected.slowest() <= DEADLINE, "a request took {}", milliseconds(affected.slowest()));
    Ok(())
}
