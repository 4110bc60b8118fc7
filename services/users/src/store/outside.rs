//! Accounts of people who sign in elsewhere: they come about when they are first seen.

use identity::Outside;
use rpc::deadline;
use sqlx::query;

use super::Store;
use crate::{
    domain::{DisplayName, UserId},
    error::Error,
};

impl Store {
    /// Makes the account of somebody who was never seen before. One that was deleted is not made again.
    pub async fn insert_outside(&self, id: UserId, outside: &Outside, name: &DisplayName) -> Result<bool, Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let first_seen = query!(
            "insert into outside_accounts (issuer, subject, user_id) values ($1, $2, $3) on conflict do nothing",
            outside.issuer,
            outside.subject,
            id.0,
        )
        .execute(&mut *tx)
        .await?;
        if first_seen.rows_affected() == 0 {
            return Ok(false);
        }
        query!("insert into users (id, display_name, is_outside) values ($1, $2, true)", id.0, name.as_str())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }
}
