//! All SQL of the users service.

use database::{Pool, violated_constraint};
use rpc::deadline;
use sqlx::{query, query_as};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{Changes, DisplayName, Email, Etag, NewUser, User, UserId, Violation},
    error::Error,
};

#[derive(Clone)]
pub struct Store {
    pool: Pool,
}

impl Store {
    pub fn new(pool: Pool) -> Self {
        Self { pool }
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

    /// The id and the password hash behind an address.
    pub async fn find_credentials(&self, email: &Email) -> Result<Option<(UserId, String)>, Error> {
        let mut connection = self.pool.acquire().await?;
        let row = query!("select id, password_hash from users where email = $1", email.as_str())
            .fetch_optional(&mut connection)
            .await?;
        Ok(row.map(|row| (UserId(row.id), row.password_hash)))
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
        tx.commit().await?;
        if deleted.rows_affected() == 0 { Err(Error::NotFound) } else { Ok(()) }
    }

    /// The id and the sealed form of the active key.
    pub async fn find_signing_key(&self) -> Result<Option<(String, Vec<u8>)>, Error> {
        let mut connection = self.pool.acquire().await?;
        let row = query!("select id, sealed_key from signing_keys where retired_at is null")
            .fetch_optional(&mut connection)
            .await?;
        Ok(row.map(|row| (row.id, row.sealed_key)))
    }

    /// Makes this the active key, unless there is one.
    pub async fn insert_signing_key(&self, id: &str, sealed_key: &[u8]) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        query!("insert into signing_keys (id, sealed_key) values ($1, $2) on conflict do nothing", id, sealed_key)
            .execute(&mut connection)
            .await?;
        Ok(())
    }
}

fn taken(error: sqlx::Error) -> Error {
    match violated_constraint(&error) {
        Some("users_email_key") => Error::EmailTaken,
        _ => error.into(),
    }
}

struct UserRow {
    id: Uuid,
    email: String,
    display_name: String,
    version: i64,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
}

impl TryFrom<UserRow> for User {
    type Error = Error;

    fn try_from(row: UserRow) -> Result<Self, Error> {
        let impossible = |violation: Violation| sqlx::Error::Decode(violation.into());
        Ok(Self {
            id: UserId(row.id),
            email: Email::parse(&row.email).map_err(impossible)?,
            display_name: DisplayName::parse(&row.display_name).map_err(impossible)?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
