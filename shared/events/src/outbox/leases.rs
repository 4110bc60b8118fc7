//! Leases: which events of an outbox one relay publishes, for how long, and what became of them.

use std::time::Duration;

use database::{Horizon, Pool};
use opentelemetry::{Context, context::FutureExt};
use sqlx::{query, query_file};
use uuid::Uuid;

use super::Row;
use crate::{Envelope, event::source};

/// A relay that was killed leaves its events to others after this.
pub(crate) const LEASE: Duration = Duration::from_secs(30);

/// So many are leased, and published, at once.
const BATCH: i64 = 512;

/// Sequences are given before the commit: so many later ones may have been found before one is seen.
const OVERTAKING: i64 = 1000;

/// An event that was refused so often is dead.
const MAX_ATTEMPTS: i32 = 3;

/// An event that was refused is tried again after this, and then after twice as long.
const AFTER_REFUSAL: Duration = Duration::from_secs(2);

pub(crate) struct Leases {
    pool: Pool,
    source: String,
}

impl Leases {
    pub fn new(service: &str, pool: &Pool) -> Self {
        Self { pool: pool.clone(), source: source(service) }
    }

    /// The oldest event of each subject that waits for nobody, in the order in which they were written, as far as it is
    /// within the horizon.
    pub async fn take(&self, horizon: &mut Horizon<i64>) -> Result<Vec<Envelope>, sqlx::Error> {
        untraced(async {
            let mut connection = self.pool.acquire().await?;
            let taken = query_file!("src/outbox/lease.sql", LEASE.as_secs_f64(), BATCH, horizon.look().unwrap_or(0));
            let mut taken = taken.fetch_all(&mut connection).await?;
            taken.sort_unstable_by_key(|row| row.sequence);
            if let Some(oldest) = taken.first() {
                horizon.move_to(oldest.sequence - OVERTAKING);
            }
            let envelopes = taken.into_iter().map(|row| {
                let row = Row {
                    id: row.id,
                    subject: row.subject,
                    kind: row.kind,
                    time: row.time,
                    data: row.data,
                    traceparent: row.traceparent,
                    tracestate: row.tracestate,
                };
                row.into_envelope(&self.source)
            });
            Ok(envelopes.collect())
        })
        .await
    }

    /// They are still under way.
    pub async fn renew(&self, ids: &[Uuid]) -> Result<(), sqlx::Error> {
        self.hold(ids, LEASE).await
    }

    /// They may be taken again, by anybody, after so long.
    pub async fn hold(&self, ids: &[Uuid], pause: Duration) -> Result<(), sqlx::Error> {
        untraced(async {
            query!(
                "update events.outbox set leased_until = now() + make_interval(secs => $2)
                 where id = any ($1) and published_at is null",
                ids,
                pause.as_secs_f64(),
            )
            .execute(&mut self.pool.acquire().await?)
            .await
            .map(drop)
        })
        .await
    }

    pub async fn published(&self, ids: &[Uuid]) -> Result<(), sqlx::Error> {
        untraced(async {
            query_file!("src/outbox/mark.sql", ids).execute(&mut self.pool.acquire().await?).await.map(drop)
        })
        .await
    }

    /// The bus does not want this one; returns whether it is dead now.
    pub async fn refused(&self, id: Uuid, reason: &str) -> Result<bool, sqlx::Error> {
        untraced(async {
            let row = query!(
                "update events.outbox set attempts = attempts + 1, error = $2,
                     leased_until = now() + make_interval(secs => $3 * 2 ^ attempts),
                     dead_since = case when attempts + 1 >= $4 then now() end
                 where id = $1 and published_at is null
                 returning dead_since is not null as \"is_dead!\"",
                id,
                reason,
                AFTER_REFUSAL.as_secs_f64(),
                MAX_ATTEMPTS,
            )
            .fetch_optional(&mut self.pool.acquire().await?)
            .await?;
            Ok(row.is_some_and(|row| row.is_dead))
        })
        .await
    }
}

/// What a relay asks the database belongs to no request: each look would be a trace of its own, every second.
pub(crate) async fn untraced<T>(work: impl Future<Output = T>) -> T {
    work.with_context(Context::new().with_telemetry_suppressed()).await
}
