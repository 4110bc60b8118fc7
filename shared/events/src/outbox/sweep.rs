//! What is done now and then: forgetting what was published, and what was handled, long ago.

use std::time::Duration;

use database::Pool;
use sqlx::query;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::leases::untraced;

const BETWEEN_SWEEPS: Duration = Duration::from_secs(3600);

/// What was published can be published again for so long.
const PUBLISHED_IS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// A dead letter can come back for 14 days, an event of an outbox for one.
const HANDLED_IS_KEPT: Duration = Duration::from_secs(17 * 24 * 3600);

/// So many rows at once: nobody waits long for a lock or for the disk.
const CHUNK: i64 = 1000;

/// Sweeps until `shutdown`. Every replica does: deleting twice is harmless.
pub(crate) async fn run(pool: &Pool, shutdown: &CancellationToken) {
    let mut sweeps = interval(BETWEEN_SWEEPS);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(sweeps.tick()).await.is_some() {
        match shutdown.run_until_cancelled(untraced(sweep(pool))).await {
            Some(Ok((published, handled))) => tracing::debug!(published, handled, "old events forgotten"),
            Some(Err(error)) => tracing::warn!(error = telemetry::chain(&error), "sweeping events failed"),
            None => {}
        }
    }
}

async fn sweep(pool: &Pool) -> Result<(u64, u64), sqlx::Error> {
    Ok((sweep_published(pool).await?, sweep_handled(pool).await?))
}

async fn sweep_published(pool: &Pool) -> Result<u64, sqlx::Error> {
    let mut swept = 0;
    loop {
        let chunk = query!(
            "delete from events.outbox where id = any (array(
                 select id from events.outbox where published_at < now() - make_interval(secs => $1) limit $2
             ))",
            PUBLISHED_IS_KEPT.as_secs_f64(),
            CHUNK,
        )
        .execute(&mut pool.acquire().await?)
        .await?
        .rows_affected();
        swept += chunk;
        if chunk == 0 {
            return Ok(swept);
        }
    }
}

async fn sweep_handled(pool: &Pool) -> Result<u64, sqlx::Error> {
    let mut swept = 0;
    loop {
        let chunk = query!(
            "delete from events.inbox where (consumer, id) in (
                 select consumer, id from events.inbox
                 where handled_at < now() - make_interval(secs => $1) limit $2
             )",
            HANDLED_IS_KEPT.as_secs_f64(),
            CHUNK,
        )
        .execute(&mut pool.acquire().await?)
        .await?
        .rows_affected();
        swept += chunk;
        if chunk == 0 {
            return Ok(swept);
        }
    }
}
