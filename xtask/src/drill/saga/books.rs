//! Everybody's books, read side by side when all is quiet: what customers were told, what orders has, what the provider of
//! payments has.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::shoppers::Told;
use crate::{cluster::Cluster, drill::report::figure};

pub type Stock = BTreeMap<String, i64>;

#[derive(Clone, Debug)]
pub struct Books {
    /// Orders that a customer was told of, and those that he was told are called off.
    pub acknowledged: BTreeSet<Uuid>,
    pub called_off: BTreeSet<Uuid>,
    /// Answers that say that the shop does not know what it is doing.
    pub faults: usize,
    pub orders: BTreeMap<Uuid, Order>,
    pub lines: Vec<Line>,
    pub before: Stock,
    pub after: Stock,
    /// By the provider's own ledger.
    pub charges: Vec<Charge>,
    /// How often it was asked, by what came of it.
    pub attempts: BTreeMap<String, i64>,
    pub deliveries: u64,
}

#[derive(Clone, Debug)]
pub struct Order {
    pub status: String,
    pub total: i64,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub order: Uuid,
    pub sku: String,
    pub quantity: i64,
}

#[derive(Clone, Debug)]
pub struct Charge {
    pub order: Uuid,
    pub status: String,
    pub amount: i64,
}

const STOCK: &str = "select sku, stock from products";
const ORDERS: &str = "select id, status, total_amount from orders";
const LINES: &str = "select order_id, sku, quantity from order_lines";
/// Those that never got so far as to be for anything are left out.
const CHARGES: &str = "select reference, status, amount from provider.ledger where reference is not null";
const ATTEMPTS: &str = "select kind || ' ' || outcome, count(*) from provider.attempts group by 1";

pub async fn stock(cluster: &Cluster) -> anyhow::Result<Stock> {
    stock_in(&mut cluster.postgres.connect_to_orders().await?).await
}

async fn stock_in(orders: &mut PgConnection) -> anyhow::Result<Stock> {
    Ok(sqlx::query_as(STOCK).fetch_all(orders).await?.into_iter().collect())
}

impl Books {
    pub async fn read(cluster: &Cluster, told: Told, before: Stock) -> anyhow::Result<Self> {
        let mut orders = cluster.postgres.connect_to_orders().await?;
        let mut payments = cluster.postgres.connect_to("payments").await?;
        let after = stock_in(&mut orders).await?;
        let lines = sqlx::query(LINES).fetch_all(&mut orders).await?;
        let lines = lines
            .iter()
            .map(|row| Ok(Line { order: row.try_get(0)?, sku: row.try_get(1)?, quantity: row.try_get(2)? }));
        let lines = lines.collect::<sqlx::Result<_>>()?;
        let orders = sqlx::query(ORDERS).fetch_all(&mut orders).await?;
        let orders =
            orders.iter().map(|row| Ok((row.try_get(0)?, Order { status: row.try_get(1)?, total: row.try_get(2)? })));
        let charges = sqlx::query(CHARGES).fetch_all(&mut payments).await?;
        let charges = charges
            .iter()
            .map(|row| Ok(Charge { order: row.try_get(0)?, status: row.try_get(1)?, amount: row.try_get(2)? }));
        let attempts = sqlx::query_as(ATTEMPTS).fetch_all(&mut payments).await?;
        Ok(Self {
            faults: told.faults(),
            acknowledged: told.orders,
            called_off: told.called_off,
            orders: orders.collect::<sqlx::Result<_>>()?,
            lines,
            before,
            after,
            charges: charges.collect::<sqlx::Result<_>>()?,
            attempts: attempts.into_iter().collect(),
            deliveries: cluster.nats.store().await?.deliveries(),
        })
    }

    /// What is in them, in short.
    pub fn tell(&self) {
        figure("orders by their states", counted(self.orders.values().map(|order| &*order.status)));
        figure("charges by their states", counted(self.charges.iter().map(|charge| &*charge.status)));
        let attempts: Vec<_> = self.attempts.iter().map(|(what, count)| format!("{what}: {count}")).collect();
        figure("the provider was asked", attempts.join(", "));
        let left: i64 = self.before.values().sum::<i64>() - self.after.values().sum::<i64>();
        figure("pieces that left the shelves", left);
    }
}

fn counted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut counts = BTreeMap::<_, usize>::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    counts.iter().map(|(word, count)| format!("{word}: {count}")).collect::<Vec<_>>().join(", ")
}
