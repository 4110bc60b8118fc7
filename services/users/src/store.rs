//! All SQL of the users service.

mod attempts;
mod clients;
mod codes;
mod keys;
mod outside;
mod refresh;

use std::{error::Error as StdError, time::Duration};

use database::{Pool, violated_constraint};
use events::Outbox;
use rpc::deadline;
use sqlx::{query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::{
    codes::{NewCode, PresentedCode, Redeemed},
    keys::SealedKey,
    refresh::{Rotated, Rotation},
};
use crate::{
    domain::{Changes, DisplayName, Email, Etag, NewUser, Person, User, UserId},
    error::Error,
    messages,
};

#[derive(Clone)]
pub struct Store {
    pool: Pool,
    outbox: Outbox,
}

impl Store {
    pub fn new(pool: Pool, outbox: Outbox) -> Self {
        Self { pool, outbox }
    }

    pub async fn insert(&self, id: UserId, user: &NewUser, password_hash: &str) -> Result<User, Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let row = query_as!(
            UserRow,
            "insert into users (id, email, display_name, password_hash) values ($1, $2, $3, $4)
             returning id, email, display_name, version, created_at, updated_at",
            id.0,
            user.email.as_str(),
            user.display_name.as_str(),
            password_hash,
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(taken)?;
        tx.commit().await?;
        row.try_into()
    }

    pub async fn find(&self, id: UserId) -> Result<Option<User>, Error> {
        let mut connection = self.pool.acquire().await?;
        let row = query_as!(
            UserRow,
            "select id, email, display_name, version, created_at, updated_at from users where id = $1",
            id.0,
        )
        .fetch_optional(&mut connection)
        .await?;
        row.map(User::try_from).transpose()
    }

    pub async fn exists(&self, id: UserId) -> Result<bool, Error> {
        let mut connection = self.pool.acquire().await?;
        let row = query!("select 1 as one from users where id = $1", id.0).fetch_optional(&mut connection).await?;
        Ok(row.is_some())
    }

    /// Whose address it is, and the hash of the password, which those who sign in elsewhere do not have.
    pub async fn find_credentials(&self, email: &Email) -> Result<Option<(Person, Option<String>)>, Error> {
        let mut connection = self.pool.acquire().await?;
        let row = query!("select id, is_admin, password_hash from users where email = $1", email.as_str())
            .fetch_optional(&mut connection)
            .await?;
        Ok(row.map(|row| (Person { id: UserId(row.id), is_admin: row.is_admin }, row.password_hash)))
    }

    /// Changes the account if it is still as the etag says.
    pub async fn update(&self, id: UserId, changes: &Changes, etag: Etag) -> Result<User, Error> {
        let version = match etag {
            Etag::Any => None,
            Etag::Version(version) => Some(version),
        };
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let row = query_as!(
            UserRow,
            "update users
             set email = coalesce($2, email), display_name = coalesce($3, display_name),
                 version = version + 1, updated_at = now()
             where id = $1 and version = coalesce($4, version)
             returning id, email, display_name, version, created_at, updated_at",
            id.0,
            changes.email.as_ref().map(Email::as_str),
            changes.display_name.as_ref().map(DisplayName::as_str),
            version,
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(taken)?;
        let Some(row) = row else {
            let exists = query!("select 1 as one from users where id = $1", id.0).fetch_optional(&mut *tx).await?;
            return Err(if exists.is_some() { Error::EtagMismatch } else { Error::NotFound });
        };
        tx.commit().await?;
        row.try_into()
    }

    pub async fn delete(&self, id: UserId) -> Result<(), Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let deleted = query!("delete from users where id = $1", id.0).execute(&mut *tx).await?;
        if deleted.rows_affected() == 0 {
            return Err(Error::NotFound);
        }
        messages::tell_deleted(&self.outbox, &mut tx, id).await?;
        self.outbox.commit(tx).await?;
        Ok(())
    }

    /// Makes the account with this address an administrator's.
    pub async fn grant_admin(&self, email: &Email) -> Result<UserId, Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let row = query!("update users set is_admin = true where email = $1 returning id", email.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        tx.commit().await?;
        row.map(|row| UserId(row.id)).ok_or(Error::NotFound)
    }

    /// Forgets what is over, a batch of each kind. Every replica does: nothing is deleted twice.
    pub async fn sweep(&self) -> Result<u64, Error> {
        Ok(self.sweep_attempts().await? + self.sweep_codes().await? + self.sweep_families().await?)
    }
}

/// What the database has kept is what we gave it, unless somebody else has written there.
fn impossible(problem: impl Into<Box<dyn StdError + Send + Sync>>) -> sqlx::Error {
    sqlx::Error::Decode(problem.into())
}

/// As PostgreSQL takes intervals.
fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

fn taken(error: sqlx::Error) -> Error {
    match violated_constraint(&error) {
        Some("users_email_key") => Error::EmailTaken,
        _ => error.into(),
    }
}

struct UserRow {
    id: Uuid,
    email: Option<String>,
    display_name: String,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self, Error> {
        Ok(Self {
            id: UserId(row.id),
            email: row.email.as_deref().map(Email::parse).transpose().map_err(impossible)?,
            display_name: DisplayName::parse(&row.display_name).map_err(impossible)?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
