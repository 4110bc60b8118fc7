//! All SQL of the orders service.

mod orders;
mod place;
mod products;
mod rows;

use std::time::Duration;

use sqlx::{PgPool, query};

use crate::error::Error;

/// What was promised of an idempotency key is kept this long.
pub const KEYS_ARE_KEPT: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// Forgets the keys that nothing is promised of any more; returns how many there were.
    pub async fn sweep_keys(&self) -> Result<u64, Error> {
        let swept = query!(
            "delete from idempotency_keys where created_at < now() - make_interval(secs => $1)",
            KEYS_ARE_KEPT.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(swept.rows_affected())
    }
}
