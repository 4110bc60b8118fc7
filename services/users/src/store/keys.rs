//! The signing keys: by turns, each sealed.

use std::time::Duration;

use rpc::deadline;
use sqlx::query;

use super::{Store, seconds};
use crate::error::Error;

/// A key as it is kept.
pub struct SealedKey {
    pub id: String,
    pub sealed: Vec<u8>,
    pub generation: i64,
    /// Whether its turn has come, by the clock of the database: replicas may differ in theirs.
    pub signs: bool,
    /// Whether it has signed for long enough.
    pub is_due: bool,
}

impl Store {
    /// Every key that is published, the newest first.
    pub async fn signing_keys(&self, lifetime: Duration) -> Result<Vec<SealedKey>, Error> {
        let mut connection = self.pool.acquire().await?;
        let rows = query!(
            r#"select id, sealed_key, generation, signs_from <= now() as "signs!",
                      signs_from + make_interval(secs => $1) <= now() as "is_due!"
               from signing_keys order by generation desc"#,
            seconds(lifetime),
        )
        .fetch_all(&mut connection)
        .await?;
        let keys = rows.into_iter().map(|row| SealedKey {
            id: row.id,
            sealed: row.sealed_key,
            generation: row.generation,
            signs: row.signs,
            is_due: row.is_due,
        });
        Ok(keys.collect())
    }

    /// Makes this the first key, unless there is one. It signs at once: nobody knows another.
    pub async fn insert_first_key(&self, id: &str, sealed: &[u8]) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        query!("insert into signing_keys (id, sealed_key) values ($1, $2) on conflict do nothing", id, sealed)
            .execute(&mut connection)
            .await?;
        Ok(())
    }

    /// Makes this the key after that of the generation, to sign when everybody has had `notice` of it. Whether it is:
    /// of several replicas that try, one succeeds.
    pub async fn insert_next_key(&self, key: (&str, &[u8]), after: i64, notice: Duration) -> Result<bool, Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let retired =
            query!("update signing_keys set retired_at = now() where generation = $1 and retired_at is null", after)
                .execute(&mut *tx)
                .await?;
        if retired.rows_affected() == 0 {
            return Ok(false);
        }
        query!(
            "insert into signing_keys (id, sealed_key, generation, signs_from)
             values ($1, $2, $3, now() + make_interval(secs => $4))",
            key.0,
            key.1,
            after + 1,
            seconds(notice),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Forgets the keys whose successor has signed for so long that none of their tokens is good.
    pub async fn delete_old_keys(&self, after: Duration) -> Result<u64, Error> {
        let mut connection = self.pool.acquire().await?;
        let deleted = query!(
            "delete from signing_keys old where exists (
                select from signing_keys next
                where next.generation > old.generation and next.signs_from <= now() - make_interval(secs => $1))",
            seconds(after),
        )
        .execute(&mut connection)
        .await?;
        Ok(deleted.rows_affected())
    }
}
