//! PostgreSQL is away for 20 s: every instance stays where it is, clients are told in time that this is not the time,
//! and all is well when it is back.

use std::time::Duration;

use anyhow::ensure;
use reqwest::StatusCode;
use tokio::time::{Instant, sleep};

use super::{
    load::{Clientele, Load, Outcomes, Pace, SHOPPING},
    report::{figure, latencies, milliseconds, none_failed},
};
use crate::cluster::{Cluster, DEADLINE};

const AWAY: Duration = Duration::from_secs(20);

/// After its return.
pub const WELL_WITHIN: Duration = Duration::from_secs(2);

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
    let absence = Absence { stopped, back, well: Instant::now() };
    load.end_more(100).await?;
    all_are_listed(cluster).await?;

    let outcomes = load.stop().await?;
    absence.judge(&outcomes)?;
    ensure!(absence.affected(&outcomes).failed() > 0, "nobody noticed that PostgreSQL was away");
    Ok(())
}

async fn all_are_listed(cluster: &Cluster) -> anyhow::Result<()> {
    for instance in cluster.registered() {
        ensure!(cluster.agent.lists(instance).await, "Consul no longer lists {}", instance.name());
    }
    Ok(())
}

/// When PostgreSQL was away.
pub struct Absence {
    pub stopped: Instant,
    pub back: Instant,
    /// No request that begins from here on may fail.
    pub well: Instant,
}

impl Absence {
    /// Prints what clients noticed. Errors: they were told something else than 503, or too late, or at the wrong time.
    pub fn judge(&self, outcomes: &Outcomes) -> anyhow::Result<()> {
        let affected = self.affected(outcomes);
        figure("statuses until 2 s after its return", affected.statuses());
        latencies("latency until then", &affected);
        figure("statuses of those after it was back", outcomes.between(self.back, self.well).statuses());
        let other = affected.only(|outcome| outcome.status != Some(StatusCode::SERVICE_UNAVAILABLE));
        none_failed("failed otherwise than with 503", &other)?;
        ensure!(affected.slowest() <= DEADLINE, "a request took {}", milliseconds(affected.slowest()));
        let before = outcomes.only(|outcome| outcome.began + outcome.latency < self.stopped);
        none_failed("failed requests before", &before)?;
        none_failed("failed requests after", &outcomes.only(|outcome| outcome.began >= self.well))
    }

    /// The requests that may have met nobody.
    fn affected(&self, outcomes: &Outcomes) -> Outcomes {
        outcomes.only(|outcome| outcome.began < self.well && outcome.began + outcome.latency >= self.stopped)
    }
}
