//! One users instance answers 100 ms later than the other: who balances by latency spares it, who goes round does not.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use tokio::time::sleep;

use super::{
    load::{ACCOUNTS_ONLY, Clientele, Load, Pace},
    report::{figure, none_failed},
};
use crate::cluster::{Cluster, Forwarder, GET_USER};

const DELAY: Duration = Duration::from_millis(100);

const WATCHED: Duration = Duration::from_secs(5);

const REGISTERED_WITHIN: Duration = Duration::from_secs(5);

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    let slow = &mut cluster.users[1];
    let mut proxy = Forwarder::at(cluster.ports.take()?);
    proxy.relay(slow.address(), DELAY).await?;
    slow.set("ADVERTISE_ADDRESS", proxy.address());
    slow.restart().await?;
    cluster.agent.list_all(&[slow], REGISTERED_WITHIN).await?;

    let mut spared = share_of_the_slow(cluster, &clientele, "peak-ewma").await?;
    if spared >= 10.0 {
        // Somebody else may have needed the machine just then, and the quick one was no quicker.
        spared = share_of_the_slow(cluster, &clientele, "peak-ewma").await?;
    }
    ensure!(spared < 10.0, "under peak-ewma it gets {spared:.1} % of the calls");
    let fair = share_of_the_slow(cluster, &clientele, "round-robin").await?;
    ensure!((47.0..=53.0).contains(&fair), "under round-robin it gets {fair:.1} % of the calls");
    Ok(())
}

/// In percent of all calls.
async fn share_of_the_slow(cluster: &mut Cluster, clientele: &Arc<Clientele>, policy: &str) -> anyhow::Result<f64> {
    cluster.restart_gateways("BALANCE_POLICY", policy).await?;
    let load = Load::start(clientele, ACCOUNTS_ONLY, Pace::Workers(8));
    // Until every connection is there and every latency known.
    load.end_more(500).await?;
    let [fast, slow] = [cluster.users[0].calls()?, cluster.users[1].calls()?];
    sleep(WATCHED).await;
    let [fast, slow] = [fast.came(GET_USER)?, slow.came(GET_USER)?];
    let outcomes = load.stop().await?;
    let share = 100.0 * slow as f64 / (slow + fast).max(1) as f64;
    figure(policy, format_args!("{share:.1} % of the calls go to the slow one ({slow} of {})", slow + fast));
    none_failed("failed requests", &outcomes)?;
    Ok(share)
}
