//! Attempts to sign in, counted before the password is looked at.

use std::time::Duration;

use sqlx::query;

use super::{Store, seconds};
use crate::{
    domain::{Attempt, Digest},
    error::Error,
};

/// Failures count for so long.
const WINDOW: Duration = Duration::from_secs(15 * 60);

impl Store {
    /// Counts one more. How many there were before in this window, and what is left of it.
    pub async fn count_attempt(&self, key: &Digest) -> Result<(i64, Duration), Error> {
        let mut connection = self.pool.acquire().await?;
        let row = query!(
            r#"insert into sign_in_attempts as known (key, attempts, began_at) values ($1, 1, now())
               on conflict (key) do update set
                   attempts = case when known.began_at > now() - make_interval(secs => $2)
                                   then known.attempts + 1 else 1 end,
                   began_at = case when known.began_at > now() - make_interval(secs => $2)
                                   then known.began_at else now() end
               returning attempts,
                         extract(epoch from began_at + make_interval(secs => $2) - now())::float8 as "left!""#,
            key.as_slice(),
            seconds(WINDOW),
        )
        .fetch_one(&mut connection)
        .await?;
        Ok((row.attempts - 1, Duration::try_from_secs_f64(row.left).unwrap_or_default()))
    }

    /// It was no failure. Those of the account are forgotten; the address only has this one back, or whoever has an
    /// account of their own could try others' for ever.
    pub async fn forget_attempt(&self, attempt: &Attempt) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        query!("delete from sign_in_attempts where key = $1", attempt.account.as_slice())
            .execute(&mut connection)
            .await?;
        query!(
            "update sign_in_attempts set attempts = attempts - 1 where key = $1 and attempts > 0",
            attempt.address.as_slice()
        )
        .execute(&mut connection)
        .await?;
        Ok(())
    }

    /// Forgets the windows that are over, a batch of them.
    pub(super) async fn sweep_attempts(&self) -> Result<u64, Error> {
        let mut connection = self.pool.acquire().await?;
        let swept = query!(
            "delete from sign_in_attempts where key in (
                select key from sign_in_attempts where began_at <= now() - make_interval(secs => $1)
                limit 1000 for update skip locked)",
            seconds(WINDOW),
        )
        .execute(&mut connection)
        .await?;
        Ok(swept.rows_affected())
    }
}
