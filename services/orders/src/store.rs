//! All SQL of the orders service.

mod catalogue;
mod changes;
mod orders;
mod place;
mod products;
mod rows;

use std::time::Duration;

use database::Pool;
use events::Outbox;
use sqlx::query;

use self::catalogue::Catalogue;
pub use self::{changes::Changed, place::Placed};
use crate::error::Error;

/// What was promised of an idempotency key is kept this long.
pub const KEYS_ARE_KEPT: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone)]
pub struct Store {
    pool: Pool,
    outbox: Outbox,
    catalogue: Catalogue,
}

impl Store {
    pub fn new(pool: Pool, outbox: Outbox) -> Self {
        Self { pool, outbox, catalogue: Catalogue::new() }
    }

    /// Forgets the keys that nothing is promised of any more; returns how many there were.
    pub async fn sweep_keys(&self) -> Result<u64, Error> {
        let mut connection = self.pool.acquire().await?;
        let swept = query!(
            "delete from idempotency_keys where created_at < now() - make_interval(secs => $1)",
            KEYS_ARE_KEPT.as_secs_f64(),
        )
        .execute(&mut connection)
        .await?;
        Ok(swept.rows_affected())
    }
}
