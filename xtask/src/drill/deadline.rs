//! A request that waits for a lock in PostgreSQL is answered when its time is over, and its statement ends with it.

use std::time::Duration;

use anyhow::ensure;
use reqwest::StatusCode;
use sqlx::{Connection, PgConnection};
use tokio::{
    join,
    time::{Instant, sleep_until},
};

use super::{
    load::{Clientele, Request},
    report::{figure, milliseconds},
};
use crate::{cluster::Cluster, patience::until};

const REQUEST_TIMEOUT: Duration = Duration::from_millis(200);

/// From the start of the request.
const ANSWERED_WITHIN: Duration = Duration::from_millis(250);
const CANCELLED_WITHIN: Duration = Duration::from_millis(300);

const LOCKED: Duration = Duration::from_secs(5);

const ATTEMPTS: usize = 5;

const SKU: &str = "BEAM-OAK";

const WAITING: &str = "select exists (select from pg_stat_activity
    where datname = 'orders' and usename = 'orders' and wait_event_type = 'Lock')";

pub async fn run(cluster: &mut Cluster) -> anyhow::Result<()> {
    let clientele = Clientele::gather(&cluster.front()).await?;
    cluster.restart_gateways("REQUEST_TIMEOUT_MS", REQUEST_TIMEOUT.as_millis()).await?;
    let other = Request::place("BOX-OAK").by(clientele.customer(0));
    for _ in 0..4 {
        let in_time = async || !clientele.send(&other, Instant::now()).await.has_failed();
        until("orders are placed in time", Duration::from_secs(5), in_time).await?;
    }

    let mut database = cluster.postgres.connect_to_orders().await?;
    let mut watcher = cluster.postgres.connect_to_orders().await?;
    let mut lock = database.begin().await?;
    let locked = Instant::now();
    let stock = stock(&mut lock).await?;
    for attempt in 1..=ATTEMPTS {
        is_given_up(attempt, &clientele, &mut watcher).await?;
    }
    sleep_until(locked + LOCKED).await;
    lock.rollback().await?;

    let left = self::stock(&mut database).await?;
    figure("stock before and after", format_args!("{stock}, {left}"));
    ensure!(stock == left, "the stock was {stock} and is {left}");
    Ok(())
}

async fn stock(connection: &mut PgConnection) -> anyhow::Result<i64> {
    let stock = sqlx::query_scalar("select stock from products where sku = $1 for update").bind(SKU);
    Ok(stock.fetch_one(connection).await?)
}

async fn is_given_up(attempt: usize, clientele: &Clientele, watcher: &mut PgConnection) -> anyhow::Result<()> {
    let request = Request::place(SKU).by(clientele.customer(attempt));
    let began = Instant::now();
    let (outcome, cancelled) = join!(clientele.send(&request, began), is_cancelled(watcher));
    let cancelled = cancelled?.duration_since(began);
    let status = outcome.status.map_or(0, |status| status.as_u16());
    let (answered, gone) = (milliseconds(outcome.latency), milliseconds(cancelled));
    figure(&format!("request {attempt}"), format_args!("{status} after {answered}, its statement gone after {gone}"));
    ensure!(outcome.status == Some(StatusCode::GATEWAY_TIMEOUT), "the answer was {status}");
    ensure!(outcome.latency <= ANSWERED_WITHIN, "the answer came after {answered}");
    ensure!(cancelled <= CANCELLED_WITHIN, "the statement waited for {gone}");
    Ok(())
}

/// When the statement, which must be seen waiting first, was seen no more.
async fn is_cancelled(watcher: &mut PgConnection) -> anyhow::Result<Instant> {
    let (soon, what) = (Duration::from_secs(1), "a statement waits for the lock");
    until(what, soon, async || waits(watcher).await.is_ok_and(|waits| waits)).await?;
    until("it is cancelled", soon, async || waits(watcher).await.is_ok_and(|waits| !waits)).await?;
    Ok(Instant::now())
}

async fn waits(watcher: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar(WAITING).fetch_one(watcher).await
}
