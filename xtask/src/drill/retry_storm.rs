//! users fails entirely, first its database and then itself: what reaches it is little more than what came.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use tokio::time::{Instant, sleep};

use super::{
    load::{ACCOUNTS_ONLY, Clientele, Load, Pace},
    report::figure,
};
use crate::cluster::{Cluster, Forwarder, GET_USER};

const WATCHED: Duration = Duration::from_secs(10);

/// The budget of retries: a share of the requests, and some a second besides.
const SHARE: f64 = 0.2;
const A_SECOND: f64 = 10.0;

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    // Each gateway has a budget of its own, which begins with the process: one is watched, from its beginning.
    cluster.gateways[1].kill().await?;
    let began = Instant::now();
    cluster.gateways[0].restart().await?;
    let clientele = Clientele::gather(&cluster.front()).await?;

    cluster.postgres.users.hang_up().await?;
    let calls = [cluster.users[0].calls()?, cluster.users[1].calls()?];
    let storm = Storm::over(&clientele).await?.since(began);
    storm.judge("without its database: calls", calls[0].came(GET_USER)? + calls[1].came(GET_USER)?)?;

    let mut traps = Vec::new();
    for instance in &mut cluster.users {
        instance.kill().await?;
        let mut trap = Forwarder::at(instance.address());
        trap.hang_up().await?;
        traps.push(trap);
    }
    let storm = Storm::over(&clientele).await?;
    storm.judge("without users: connections", traps.iter().map(Forwarder::accepted).sum())
}

/// Requests that all failed.
struct Storm {
    requests: usize,
    /// For how long the gateway could save for it.
    lasted: Duration,
}

impl Storm {
    async fn over(clientele: &Arc<Clientele>) -> anyhow::Result<Self> {
        let began = Instant::now();
        let load = Load::start(clientele, ACCOUNTS_ONLY, Pace::PerSecond(100));
        sleep(WATCHED).await;
        let outcomes = load.stop().await?;
        figure("statuses", outcomes.statuses());
        let other = outcomes.only(|outcome| !outcome.asks_for_patience()).count();
        ensure!(other == 0, "{other} requests were answered with neither 503 nor 504");
        Ok(Self { requests: outcomes.count(), lasted: began.elapsed() })
    }

    fn since(self, began: Instant) -> Self {
        Self { lasted: began.elapsed(), ..self }
    }

    fn judge(&self, what: &str, attempts: usize) -> anyhow::Result<()> {
        let allowed = self.requests as f64 * (1.0 + SHARE) + self.lasted.as_secs_f64() * A_SECOND;
        figure(what, format_args!("{attempts} for {} requests, at most {allowed:.0}", self.requests));
        ensure!(attempts as f64 <= allowed, "{what}: {attempts}, more than {allowed:.0}");
        Ok(())
    }
}
