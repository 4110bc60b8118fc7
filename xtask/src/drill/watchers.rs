//! Orders are watched through both gateways, by the help of both instances of orders: everybody sees every state, in order
//! and once, and who comes back misses none, whatever is restarted meanwhile.

mod stream;
mod watcher;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use self::watcher::Watcher;
use super::{
    load::{Clientele, Request},
    poison::is,
    report::{figure, heading, seconds},
};
use crate::{
    cluster::{CallLog, Cluster, Instance},
    patience::until,
};

const WATCH_ORDER: &str = "orders.v1.OrdersService/WatchOrder";

/// The provider of payments takes its time, so that streams are open when something happens to those who serve them.
const LATENCY: (&str, &str) = ("PROVIDER_LATENCY_MS", "1000");

/// At a time; watched by two each.
const ORDERS: usize = 16;

const BOTH_ARE_ASKED_WITHIN: Duration = Duration::from_secs(60);

/// Under a restart: how many customers have an order under way at any time.
const CUSTOMERS: usize = 12;

const CONFIRMED_WITHIN: Duration = Duration::from_secs(30);

const REGISTERED_WITHIN: Duration = Duration::from_secs(10);

const PAID: [(i64, &str); 2] = [(1, "pending"), (2, "confirmed")];

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    cluster.restart_payments(&[LATENCY]).await?;
    let clientele = Clientele::gather(&cluster.front()).await?;
    heading("two watchers for each order, at a gateway each");
    both_see_everything(cluster, &clientele).await?;
    heading("one who comes back");
    misses_nothing(cluster, &clientele).await?;
    heading("all orders and gateways are restarted");
    nobody_misses_anything(cluster, &clientele).await
}

async fn both_see_everything(cluster: &Cluster, clientele: &Arc<Clientele>) -> anyhow::Result<()> {
    let calls: Vec<CallLog> = cluster.orders.iter().map(Instance::calls).collect::<anyhow::Result<_>>()?;
    let (began, mut orders, mut came) = (Instant::now(), 0, Vec::new());
    // An instance that was slow a moment ago may be spared by the gateways for a while.
    while came.len() < calls.len() {
        ensure!(began.elapsed() < BOTH_ARE_ASKED_WITHIN, "only one instance of orders is asked for streams");
        let mut watching = JoinSet::new();
        for number in 0..ORDERS {
            let order = place(clientele, number).await?;
            for gateway in cluster.front() {
                watching.spawn(Watcher::new(clientele.customer(number), &order, vec![gateway])?.watch());
            }
        }
        for seen in watching.join_all().await {
            seen?.is_exactly(&PAID)?;
        }
        orders += ORDERS;
        let counts = calls.iter().map(|log| log.came(WATCH_ORDER)).collect::<anyhow::Result<Vec<_>>>()?;
        came = counts.into_iter().filter(|count| *count > 0).collect();
    }
    figure("orders, watchers that saw every state once", format_args!("{orders}, {}", 2 * orders));
    figure("streams of each instance of orders", format_args!("{came:?}"));
    Ok(())
}

async fn misses_nothing(cluster: &Cluster, clientele: &Arc<Clientele>) -> anyhow::Result<()> {
    let (customer, front) = (clientele.customer(0), cluster.front());
    let order = place(clientele, 0).await?;
    let mut watcher = Watcher::new(customer, &order, front.clone())?;
    watcher.look_once().await?;
    watcher.seen().is_exactly(&PAID[..1]).context("before it goes away")?;
    until("it is confirmed", CONFIRMED_WITHIN, async || is(clientele, customer, &order, "confirmed").await).await?;
    let watcher = watcher.watch_on().await?;
    watcher.seen().is_exactly(&PAID).context("after it has come back")?;
    clientele.expect(&Request::cancel(&order).by(customer)).await?;
    let seen = watcher.watch().await?;
    seen.is_exactly(&[PAID[0], PAID[1], (3, "cancelled")]).context("after it was called off")?;
    figure("saw pending, went, saw confirmed, cancelled", "each once");
    Ok(())
}

async fn nobody_misses_anything(cluster: &mut Cluster, clientele: &Arc<Clientele>) -> anyhow::Result<()> {
    let (enough, mut watching) = (CancellationToken::new(), JoinSet::new());
    for number in 0..CUSTOMERS {
        watching.spawn(order_and_watch(clientele.clone(), number, cluster.front(), enough.clone()));
    }
    let story = restart_all(cluster).await;
    enough.cancel();
    let (mut orders, mut cuts) = (0, 0);
    for outcome in watching.join_all().await {
        let (watched, cut) = outcome?;
        (orders, cuts) = (orders + watched, cuts + cut);
    }
    figure("orders whose every state was seen once", orders);
    figure("connections that were cut meanwhile", cuts);
    ensure!(cuts > 0, "nobody noticed that anything was restarted");
    story
}

async fn restart_all(cluster: &mut Cluster) -> anyhow::Result<()> {
    let Cluster { orders, gateways, agent, .. } = cluster;
    for instance in orders.iter_mut().chain(gateways) {
        // Until streams are open everywhere, and not just where they had to flee to.
        sleep(Duration::from_secs(2)).await;
        let began = Instant::now();
        let status = instance.restart().await?;
        agent.list_all(&[instance], REGISTERED_WITHIN).await?;
        figure(instance.name(), format_args!("{status}, back after {}", seconds(began.elapsed())));
        ensure!(status.success(), "{} ended with {status}", instance.name());
    }
    Ok(())
}

/// One order after the other. Returns how many, and how often a connection was cut.
async fn order_and_watch(
    clientele: Arc<Clientele>,
    number: usize,
    mut front: Vec<SocketAddr>,
    enough: CancellationToken,
) -> anyhow::Result<(usize, usize)> {
    let (mut orders, mut cuts) = (0, 0);
    front.rotate_left(number % 2);
    while !enough.is_cancelled() {
        let order = place(&clientele, number).await?;
        let seen = Watcher::new(clientele.customer(number), &order, front.clone())?.watch().await?;
        seen.is_exactly(&PAID).with_context(|| format!("order {order}"))?;
        (orders, cuts) = (orders + 1, cuts + seen.cuts);
    }
    Ok((orders, cuts))
}

/// Returns its id.
async fn place(clientele: &Clientele, number: usize) -> anyhow::Result<String> {
    let order: Value = clientele.expect(&Request::place("BOX-OAK").by(clientele.customer(number))).await?;
    Ok(order["id"].as_str().context("an order has an id")?.to_owned())
}
