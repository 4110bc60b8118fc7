//! What is left to be done when the noise is over: of orders, of payments, and of the events between them.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::sleep;

use super::{Cluster, DATABASES};
use crate::patience::until;

/// Each takes some connections, and is to disturb nobody.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// As of one moment, more or less.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// Orders that nobody has decided yet.
    pub pending: i64,
    /// Payments that the provider is still to be asked about.
    pub unpaid: i64,
    /// Events that wait in an outbox.
    pub unpublished: i64,
    /// Events that a bus has ever refused, and not because it was away.
    pub refused: i64,
    /// Events that wait on the bus.
    pub unhandled: u64,
    /// Events that were ever set aside, with the dead letters.
    pub set_aside: u64,
    /// Events that ever were in an outbox, and in an inbox.
    pub told: i64,
    pub heard: i64,
}

impl Aftermath {
    pub async fn of<const N: usize>(cluster: &Cluster<N>) -> anyhow::Result<Self> {
        let store = cluster.nats.store().await?;
        let (unhandled, set_aside) = (store.unhandled(), store.set_aside());
        let mut aftermath = Self { unhandled, set_aside, ..Self::default() };
        for name in DATABASES {
            let mut database = cluster.postgres.connect_to(name).await?;
            aftermath.unpublished += count(&mut database, UNPUBLISHED).await?;
            aftermath.refused += count(&mut database, REFUSED).await?;
            aftermath.told += count(&mut database, TOLD).await?;
            aftermath.heard += count(&mut database, HEARD).await?;
            match name {
                "orders" => aftermath.pending = count(&mut database, PENDING).await?,
                "payments" => aftermath.unpaid = count(&mut database, UNPAID).await?,
                _ => {}
            }
        }
        Ok(aftermath)
    }

    fn has_nothing_to_do(&self) -> bool {
        (self.pending, self.unpaid, self.unpublished, self.unhandled) == (0, 0, 0, 0)
    }
}

const PENDING: &str = "select count(*) from orders where status = 'pending'";
const UNPAID: &str = "select count(*) from payments where due_at is not null";
const UNPUBLISHED: &str = "select count(*) from events.outbox where published_at is null";
const REFUSED: &str = "select count(*) from events.outbox where attempts > 0 or dead_since is not null";
const TOLD: &str = "select count(*) from events.outbox";
const HEARD: &str = "select count(*) from events.inbox";

async fn count(database: &mut PgConnection, query: &'static str) -> anyhow::Result<i64> {
    Ok(sqlx::query_scalar(query).fetch_one(database).await?)
}

/// Waits until there is nothing left to do, and tells how long that took.
///
/// Errors: there still is something; the message says what.
pub async fn is_over<const N: usize>(cluster: &Cluster<N>, limit: Duration) -> anyhow::Result<(Duration, Aftermath)> {
    let mut last = None;
    // The counts are not of the same moment: what is seen twice, with nothing told or heard between, has come to its end.
    let over = async || {
        sleep(BETWEEN_LOOKS).await;
        let now = Aftermath::of(cluster).await.ok();
        let is_over = now.as_ref().is_some_and(Aftermath::has_nothing_to_do) && now == last;
        last = now;
        is_over
    };
    let took = until("there is nothing left to do", limit, over).await;
    let last = last.unwrap_or_default();
    match took {
        Ok(took) => Ok((took, last)),
        Err(error) => Err(error.context(format!("{last:?}"))),
    }
}
