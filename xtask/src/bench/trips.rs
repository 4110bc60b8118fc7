//! Which round trips a request makes to the databases, told from those that are made meanwhile for other reasons.

use std::{collections::HashSet, time::Duration};

use anyhow::Context;
use tokio::time::sleep;

use super::{
    builds::Build,
    shop::Shop,
    wire::{Statement, Trip, Wire},
};

/// Other requests' work may come between; the least of so many tries has none.
const TRIES: usize = 12;

/// Longer than anything waits that is done now and then, but for what is done once an hour.
const IDLE: Duration = Duration::from_secs(12);

/// A shop whose services are listened to on their way to their databases, and where nobody pays.
pub struct Tapped {
    users: Wire,
    orders: Wire,
    /// What is asked for without anybody's request.
    idle: HashSet<String>,
}

/// What one request needed.
#[derive(Clone)]
pub struct Needed {
    pub users: Vec<Trip>,
    pub orders: Vec<Trip>,
}

impl Needed {
    pub fn count(&self) -> usize {
        self.users.len() + self.orders.len()
    }
}

impl Tapped {
    /// Until the shop is changed to a build again.
    pub async fn listen(shop: &mut Shop<'_>, build: &Build) -> anyhow::Result<Self> {
        shop.change_to(build).await?;
        let cluster = &mut shop.cluster;
        let server = cluster.postgres.address()?;
        let mut tapped = Self { users: Wire::to(server).await?, orders: Wire::to(server).await?, idle: HashSet::new() };
        for (instance, wire) in
            cluster.users.iter_mut().zip([&tapped.users]).chain(cluster.orders.iter_mut().zip([&tapped.orders]))
        {
            for (setting, value) in cluster.postgres.settings(instance.service().name(), wire.address()) {
                instance.set(setting, value);
            }
        }
        cluster.start_over().await?;
        cluster.payments[0].kill().await?;
        let (users, orders) = (tapped.users.now(), tapped.orders.now());
        sleep(IDLE).await;
        let trips = [tapped.users.since(users), tapped.orders.since(orders)].concat();
        tapped.idle = trips.into_iter().flat_map(|trip| trip.statements).map(|it| it.sql).collect();
        Ok(tapped)
    }

    /// The same request again and again: what the cheapest needed.
    pub async fn least(&self, mut request: impl AsyncFnMut() -> anyhow::Result<()>) -> anyhow::Result<Needed> {
        let mut least: Option<Needed> = None;
        for _ in 0..TRIES {
            let (users, orders) = (self.users.now(), self.orders.now());
            request().await?;
            let needed = |wire: &Wire, then: usize| for_requests(&wire.since(then), &self.idle);
            let needed = Needed { users: needed(&self.users, users), orders: needed(&self.orders, orders) };
            if least.as_ref().is_none_or(|least| needed.count() < least.count()) {
                least = Some(needed);
            }
        }
        least.context("it was tried")
    }
}

/// Without those of the relay of events and of whoever handles them, which are transactions of their own, and without
/// what goes on all the time.
fn for_requests(trips: &[Trip], idle: &HashSet<String>) -> Vec<Trip> {
    let mut connections: Vec<_> = trips.iter().map(|trip| trip.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    let of = |connection| trips.iter().filter(move |trip: &&Trip| trip.connection == connection).cloned().collect();
    let transactions = connections.into_iter().flat_map(|connection| transactions(of(connection)));
    let is_idle = |all: &[Trip]| all.iter().flat_map(|trip| &trip.statements).all(|it| idle.contains(&it.sql));
    transactions.filter(|it| !is_of_events(it) && !is_idle(it)).flatten().collect()
}

/// Of one connection. What is in no transaction is one by itself.
fn transactions(trips: Vec<Trip>) -> Vec<Vec<Trip>> {
    let (mut transactions, mut is_open) = (Vec::new(), false);
    for trip in trips {
        let says = |word: &str| trip.statements.iter().any(|it| parts(it).any(|part| part.starts_with(word)));
        let (begins, ends) = (says("begin"), says("commit") || says("rollback"));
        match transactions.last_mut() {
            Some(last) if is_open => Vec::push(last, trip),
            _ => transactions.push(vec![trip]),
        }
        is_open = (is_open || begins) && !ends;
    }
    transactions
}

/// Several can be in one message.
pub fn parts(statement: &Statement) -> impl Iterator<Item = &str> {
    statement.sql.split(';').map(str::trim).filter(|part| !part.is_empty())
}

pub fn is_control(part: &str) -> bool {
    ["begin", "set ", "commit", "rollback"].iter().any(|word| part.starts_with(word))
}

/// The tables of orders that are about orders.
const BUSINESS: [&str; 5] = ["products", "orders", "order_lines", "order_events", "idempotency_keys"];

fn is_of_events(transaction: &[Trip]) -> bool {
    let parts = transaction.iter().flat_map(|trip| &trip.statements).flat_map(parts);
    let mut work = parts.filter(|part| !is_control(part)).peekable();
    let is_business =
        |part: &str| part.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| BUSINESS.contains(&word));
    work.peek().is_none() || work.all(|part| part.contains("events.") && !is_business(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip(connection: usize, sql: &[&str]) -> Trip {
        let statement = |sql: &&str| Statement { sql: (*sql).to_owned(), ..Statement::default() };
        Trip { connection, statements: sql.iter().map(statement).collect() }
    }

    #[test]
    fn the_relays_transactions_are_nobodys_request() {
        let place = "insert into orders select 1 union insert into events.outbox";
        let trips = [
            trip(1, &["begin; set local statement_timeout = 5"]),
            trip(2, &["update events.outbox set leased_until = now()"]),
            trip(1, &[place]),
            trip(2, &["begin"]),
            trip(1, &["commit"]),
            trip(2, &["update events.outbox set published_at = now()", "commit"]),
            trip(2, &["select version from orders"]),
            trip(3, &["select 1"]),
        ];
        let needed: Vec<_> = for_requests(&trips, &HashSet::from(["select 1".to_owned()]))
            .iter()
            .map(|trip| trip.statements[0].sql.clone())
            .collect();
        assert_eq!(needed, ["begin; set local statement_timeout = 5", place, "commit", "select version from orders"]);
    }

    #[test]
    fn one_message_may_be_a_whole_transaction() {
        let trips = transactions(vec![trip(1, &["begin", "select 1", "commit"]), trip(1, &["select 2"])]);
        assert_eq!(trips.len(), 2);
    }
}
