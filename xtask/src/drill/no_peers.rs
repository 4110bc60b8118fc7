//! A gateway is there before Consul and users are: a request waits for them as long as its time allows, and no longer.

use std::time::Duration;

use anyhow::ensure;
use reqwest::StatusCode;
use tokio::{time::Instant, try_join};

use super::{
    load::{Clientele, Outcome, Request},
    report::{figure, seconds},
};
use crate::cluster::{Cluster, DEADLINE};

/// Enough for Consul and users to start.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    let nobody = cluster.ports.take()?;
    for instance in cluster.instances_mut() {
        instance.kill().await?;
    }
    cluster.agent.stop().await?;

    let [patient, lonely] = &mut cluster.gateways;
    patient.set("REQUEST_TIMEOUT_MS", REQUEST_TIMEOUT.as_millis());
    lonely.set("CONSUL_URL", format_args!("http://{nobody}"));
    for gateway in [&mut *patient, &mut *lonely] {
        gateway.start()?;
        gateway.ready().await?;
    }

    let began = Instant::now();
    let appear = async {
        cluster.agent.start().await?;
        let [one, _] = &mut cluster.users;
        one.start()?;
        one.ready().await
    };
    let see_account = Request::get(format!("/v1/users/{}", clientele.customer(0).id)).by(clientele.customer(0));
    let [at_patient, at_lonely] = [patient.address(), lonely.address()].map(|gateway| clientele.through(&[gateway]));
    let (at_patient, at_lonely) = (at_patient?, at_lonely?);
    let (answered, refused, ()) = try_join!(
        async { Ok(at_patient.send(&see_account, began).await) },
        async { Ok(at_lonely.send(&see_account, began).await) },
        appear,
    )?;
    tell("users appears in time", &answered);
    tell("users never appears", &refused);
    ensure!(answered.status == Some(StatusCode::OK), "the patient request failed: {:?}", answered.trouble);
    ensure!(refused.asks_for_patience(), "the other request was answered with neither 503 nor 504");
    ensure!(refused.latency <= DEADLINE, "the other request hung for {}", seconds(refused.latency));
    Ok(())
}

fn tell(name: &str, outcome: &Outcome) {
    let status = outcome.status.map_or("no answer".to_owned(), |status| status.to_string());
    figure(name, format_args!("{status} after {}", seconds(outcome.latency)));
}
