//! How much waits in an outbox, since when, and what is dead.

use std::time::Duration;

use database::Pool;
use opentelemetry::{
    KeyValue, global,
    metrics::{Gauge, Meter},
};
use sqlx::query;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::leases::untraced;
use crate::event::source;

const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// More than so many are not counted, for the time that it would take.
const MANY: i64 = 100_000;

struct Gauges {
    waiting: Gauge<u64>,
    oldest: Gauge<f64>,
    dead: Gauge<u64>,
    /// A process can have several services.
    source: [KeyValue; 1],
}

/// Looks until `shutdown`. Every replica tells the same.
pub(crate) async fn run(service: &str, pool: &Pool, shutdown: &CancellationToken) {
    let gauges = Gauges::new(&global::meter("events"), service);
    let mut looks = interval(BETWEEN_LOOKS);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(looks.tick()).await.is_some() {
        // Whether the database is there is told elsewhere.
        if let Some(Err(error)) = shutdown.run_until_cancelled(untraced(gauges.look(pool))).await {
            tracing::debug!(error = telemetry::chain(&error), "the outbox cannot be counted");
        }
    }
}

impl Gauges {
    fn new(meter: &Meter, service: &str) -> Self {
        Self {
            waiting: meter.u64_gauge("events.outbox.waiting").with_unit("{event}").build(),
            oldest: meter.f64_gauge("events.outbox.oldest").with_unit("s").build(),
            dead: meter.u64_gauge("events.outbox.dead").with_unit("{event}").build(),
            source: [KeyValue::new("cloudevents.event_source", source(service))],
        }
    }

    async fn look(&self, pool: &Pool) -> Result<(), sqlx::Error> {
        let seen = query!(
            "select
                 (select count(*) from (
                     select from events.outbox where published_at is null and dead_since is null limit $1
                 ) as waiting) as \"waiting!\",
                 coalesce((
                     select greatest(extract(epoch from now() - time), 0)::float8 from events.outbox
                     where published_at is null and dead_since is null order by sequence limit 1
                 ), 0) as \"oldest!\",
                 (select count(*) from events.outbox where dead_since is not null) as \"dead!\"",
            MANY,
        )
        .fetch_one(&mut pool.acquire().await?)
        .await?;
        self.waiting.record(seen.waiting.unsigned_abs(), &self.source);
        self.oldest.record(seen.oldest, &self.source);
        self.dead.record(seen.dead.unsigned_abs(), &self.source);
        Ok(())
    }
}
