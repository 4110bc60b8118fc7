//! Every service proves who it is, by certificates that are replaced under load: nobody notices, and a stranger gets
//! nowhere. Once by Consul's authority, once from files.

mod stranger;

use std::time::Duration;

use anyhow::{Context, ensure};

use self::stranger::Papers;
use self::stranger::is_let_in;
use super::{
    load::{Clientele, Load, Pace, Request, SHOPPING},
    report::{figure, heading, latencies, none_failed, seconds},
};
use crate::certs::Authority;
use crate::{
    cluster::{Cluster, Folder},
    patience::until,
};

const TRUST_DOMAIN: &str = "joist.drill";

/// Consul's agent spreads renewals over half a minute; files are looked at each second.
const RENEWED_WITHIN: Duration = Duration::from_secs(40);

pub async fn run(cluster: &mut Cluster, folder: &Folder) -> anyhow::Result<()> {
    heading("by Consul");
    cluster.set("PEER_TLS", "consul");
    cluster.start_over().await?;
    let papers = async |service: &'static str, cluster: &Cluster| {
        let [certificate, key] = cluster.agent.leaf(service).await?;
        anyhow::Ok(Papers::new(&certificate, &key))
    };
    strangers_are_refused(cluster, &papers("gateway", cluster).await?, &papers("orders", cluster).await?).await?;
    replaced_under_load(cluster, async |cluster| cluster.agent.replace_root().await).await?;

    heading("from files");
    let certs = folder.path().join("certs");
    certify(folder)?;
    cluster.set("PEER_TLS", "files");
    cluster.set("PEER_TLS_CA_FILE", certs.join("ca.pem").display());
    for instance in cluster.instances_mut() {
        let service = instance.service().name();
        instance.set("PEER_TLS_CERTIFICATE_FILE", certs.join(format!("{service}.pem")).display());
        instance.set("PEER_TLS_KEY_FILE", certs.join(format!("{service}-key.pem")).display());
    }
    cluster.start_over().await?;
    let papers = |service: &str| Papers::read(&certs, service);
    strangers_are_refused(cluster, &papers("gateway")?, &papers("orders")?).await?;
    replaced_under_load(cluster, async |_| certify(folder)).await
}

/// What `cargo xtask certs` does.
fn certify(folder: &Folder) -> anyhow::Result<()> {
    let authority = Authority::open(&folder.path().join("certs"), 1)?;
    ["gateway", "users", "orders"].into_iter().try_for_each(|service| authority.certify(service, TRUST_DOMAIN))
}

/// The gateway may call both services, and orders may not call itself; nobody may who does not say who it is.
async fn strangers_are_refused(cluster: &Cluster, gateway: &Papers, orders: &Papers) -> anyhow::Result<()> {
    let users_http = cluster.users[0].setting("HTTP_ADDR").context("users speaks HTTP")?.parse()?;
    let ports = [
        ("users", cluster.users[0].address()),
        ("users' HTTP port", users_http),
        ("orders", cluster.orders[0].address()),
    ];
    for (name, port) in ports {
        ensure!(is_let_in(port, Some(gateway)).await?, "{name} refuses the gateway");
        ensure!(!is_let_in(port, None).await?, "{name} lets in who shows no certificate");
    }
    ensure!(is_let_in(cluster.users[0].address(), Some(orders)).await?, "users refuses orders");
    ensure!(!is_let_in(cluster.orders[0].address(), Some(orders)).await?, "orders lets in who may not call it");
    figure("refused without a certificate", "users, users' HTTP port, orders");
    figure("refused by another service's certificate", "orders");
    Ok(())
}

async fn replaced_under_load(
    cluster: &mut Cluster,
    replace: impl AsyncFn(&Cluster) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    // By the gateway's proxy, which has a way of its own.
    clientele.expect(&Request::get("/.well-known/jwks.json")).await?;
    let load = Load::start(&clientele, SHOPPING, Pace::PerSecond(50));
    let story = replace_twice(cluster, &load, replace).await;
    let outcomes = load.stop().await?;
    latencies("latency", &outcomes);
    figure("statuses", outcomes.statuses());
    none_failed("failed requests", &outcomes)?;
    story
}

/// After each time, an instance of each service that is called starts again, so that all others connect to it anew.
async fn replace_twice(
    cluster: &mut Cluster,
    load: &Load,
    replace: impl AsyncFn(&Cluster) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    load.end_more(100).await?;
    for turn in 0..2 {
        let before = certificates(cluster).await?;
        replace(cluster).await?;
        let all_are_new = async || {
            let now = certificates(cluster).await.unwrap_or_default();
            now.len() == before.len() && now.iter().zip(&before).all(|(now, before)| now != before)
        };
        let took = until("every instance has a new certificate", RENEWED_WITHIN, all_are_new).await?;
        figure("certificates replaced", format_args!("{} of {}, within {}", before.len(), before.len(), seconds(took)));
        for instance in [&mut cluster.users[turn], &mut cluster.orders[turn]] {
            let status = instance.restart().await?;
            ensure!(status.success(), "{} ended with {status}", instance.name());
        }
        load.end_more(100).await?;
    }
    Ok(())
}

/// What every instance that is called, or calls, says of its own.
async fn certificates(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let mut certificates = Vec::new();
    for instance in cluster.registered() {
        certificates.push(instance.certificate().await?);
    }
    Ok(certificates)
}
