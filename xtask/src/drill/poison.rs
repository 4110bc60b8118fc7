//! An event that nobody can handle is set aside after some tries and holds nobody up; an operator hands it over again, and
//! throws it away.

use std::time::Duration;

use anyhow::{Context, ensure};
use async_nats::HeaderMap;
use tokio::{
    time::{Instant, timeout},
    try_join,
};
use uuid::Uuid;

use super::{
    load::{Clientele, Customer, Request},
    report::{figure, heading, seconds},
};
use crate::{
    cluster::{Cluster, aftermath},
    patience::until,
};

const KIND: &str = "orders.v1.OrderPlaced";

/// How often it is tried, and how long that takes at most: there is a pause between two tries.
const TRIES: &str = "3";
const SET_ASIDE_WITHIN: Duration = Duration::from_secs(60);

/// Far less than it would take if it came after the event that cannot be handled.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(10);

const COMMAND_LIMIT: Duration = Duration::from_secs(20);

const OVER_WITHIN: Duration = Duration::from_secs(30);

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    cluster.restart_payments(&[("EVENTS_MAX_DELIVER", TRIES)]).await?;
    let clientele = Clientele::gather(&cluster.front()).await?;

    heading("an event that cannot be handled");
    let poison = publish(cluster).await?;
    let (set_aside, confirmed) = try_join!(is_set_aside(cluster, 1), an_order_is_confirmed(&clientele))?;
    figure(&format!("set aside after {TRIES} tries and"), seconds(set_aside));
    figure("another order, meanwhile, confirmed after", seconds(confirmed));

    heading("what an operator can do");
    let status = dead_letters(cluster, &["status"]).await?;
    ensure!(status.contains(&poison) && status.contains(KIND), "the status does not name it: {status}");
    dead_letters(cluster, &["replay", &poison]).await?;
    let set_aside = is_set_aside(cluster, 2).await?;
    figure("handed over again, and set aside after", seconds(set_aside));
    dead_letters(cluster, &["drop", &poison]).await?;
    let status = dead_letters(cluster, &["status"]).await?;
    ensure!(!status.contains(&poison), "it is there in spite of having been thrown away: {status}");
    ensure!(dead_letters(cluster, &["drop", &poison]).await.is_err(), "what is not there was thrown away");
    figure("thrown away, and gone", "yes");

    an_order_is_confirmed(&clientele).await?;
    aftermath::is_over(cluster, OVER_WITHIN).await.map(drop)
}

/// What payments listens to, but for its data. Returns the event's id.
pub async fn publish(cluster: &Cluster) -> anyhow::Result<String> {
    let (id, subject) = (Uuid::now_v7().to_string(), Uuid::now_v7().to_string());
    let mut headers = HeaderMap::new();
    let attributes = [
        ("Nats-Msg-Id", &*id),
        ("ce-specversion", "1.0"),
        ("ce-id", &id),
        ("ce-type", KIND),
        ("ce-source", "/orders"),
        ("ce-subject", &subject),
        ("ce-time", "2026-01-01T00:00:00Z"),
        ("content-type", "application/protobuf"),
    ];
    for (name, value) in attributes {
        headers.insert(name, value);
    }
    // A field that is longer than what follows.
    cluster.nats.publish(format!("events.{KIND}"), headers, b"\x0a\xff").await?;
    Ok(id)
}

/// Waits until an event was set aside so many times.
pub async fn is_set_aside(cluster: &Cluster, times: u64) -> anyhow::Result<Duration> {
    let arrived = async || cluster.nats.store().await.is_ok_and(|store| store.set_aside() == times);
    until("the event is set aside", SET_ASIDE_WITHIN, arrived).await
}

async fn an_order_is_confirmed(clientele: &Clientele) -> anyhow::Result<Duration> {
    let (customer, began) = (clientele.customer(0), Instant::now());
    let order = clientele.expect(&Request::place("BOX-OAK").by(customer)).await?;
    let order = order["id"].as_str().context("an order has an id")?;
    until("the order is confirmed", CONFIRMED_WITHIN, async || is(clientele, customer, order, "confirmed").await)
        .await?;
    Ok(began.elapsed())
}

/// Whether an order is in this state.
pub async fn is(clientele: &Clientele, customer: &Customer, order: &str, status: &str) -> bool {
    let look = Request::get(format!("/v1/orders/{order}")).by(customer);
    clientele.expect(&look).await.is_ok_and(|order| order["status"] == status)
}

/// What the program says. Errors: it fails.
async fn dead_letters(cluster: &Cluster, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = cluster.payments[0].command();
    let ended = timeout(COMMAND_LIMIT, command.arg("dead-letters").args(arguments).output()).await;
    let ended = ended.with_context(|| format!("`payments dead-letters {}` does not end", arguments.join(" ")))??;
    let [said, complaint] = [ended.stdout, ended.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    ensure!(ended.status.success(), "`payments dead-letters {}`: {said}{complaint}", arguments.join(" "));
    Ok(said)
}
