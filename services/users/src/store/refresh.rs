//! Refresh tokens: each is used once, for the next of its family.

use std::time::Duration;

use database::Transaction;
use identity::Scopes;
use rpc::deadline;
use sqlx::query;
use uuid::Uuid;

use super::{Store, impossible, seconds};
use crate::{
    domain::{ClientId, Digest, Family, Person, UserId, permissions},
    error::Error,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A family that nobody uses ends after this.
const IDLE: Duration = DAY.saturating_mul(14);

/// However often it is used, somebody signs in anew after this.
const LIFETIME: Duration = DAY.saturating_mul(90);

/// A token that somebody brings, and the one to follow it.
pub struct Rotation<'a> {
    pub presented: Digest,
    pub next: Digest,
    pub client: &'a ClientId,
    pub asked: &'a Scopes,
}

/// What becomes of it.
pub enum Rotated {
    Granted(Family),
    /// It was used before, so that somebody has it who should not: its family is void from now on.
    Reused(UserId),
    /// Nothing that is asked for was granted; the token stays good.
    Nothing,
    /// It is unknown, too old, revoked, or another client's.
    Refused,
}

impl Store {
    pub async fn insert_family(&self, family: &Family, first: &Digest) -> Result<(), Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        begin(&mut tx, family, first).await?;
        Ok(tx.commit().await?)
    }

    /// Exchanges a token for the next. Of several who bring the same one, the first gets it.
    pub async fn rotate(&self, rotation: &Rotation<'_>) -> Result<Rotated, Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let Some(family) = lock_family(&mut tx, rotation).await? else { return Ok(Rotated::Refused) };
        // A statement of its own: it sees what was true once the family was ours.
        let unused = query!(
            "update refresh_tokens set used_at = now() where hash = $1 and used_at is null",
            rotation.presented.as_slice(),
        )
        .execute(&mut *tx)
        .await?;
        if unused.rows_affected() == 0 {
            revoke(&mut tx, family.id).await?;
            tx.commit().await?;
            return Ok(Rotated::Reused(family.person.id));
        }
        if !permissions::overlap(rotation.asked, &family.scopes) {
            return Ok(Rotated::Nothing);
        }
        query!(
            "update refresh_families
             set expires_at = least(now() + make_interval(secs => $2), created_at + make_interval(secs => $3))
             where id = $1",
            family.id,
            seconds(IDLE),
            seconds(LIFETIME),
        )
        .execute(&mut *tx)
        .await?;
        insert_token(&mut tx, &family, &rotation.next).await?;
        tx.commit().await?;
        Ok(Rotated::Granted(family))
    }

    /// Ends the family of a token of this client's. Whose it was, if there was anything to end.
    pub async fn revoke_family_of(&self, token: &Digest, client: &ClientId) -> Result<Option<UserId>, Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let row = query!(
            "update refresh_families set revoked_at = now() from refresh_tokens
             where hash = $1 and family_id = id and client_id = $2 and revoked_at is null
             returning user_id",
            token.as_slice(),
            client.as_str(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row.map(|row| UserId(row.user_id)))
    }

    /// Forgets families that are too old, and tokens that were used so long ago that nobody can come back for them.
    pub(super) async fn sweep_families(&self) -> Result<u64, Error> {
        let mut connection = self.pool.acquire().await?;
        let families = query!(
            "delete from refresh_families where id in (
                select id from refresh_families where expires_at <= now() limit 1000 for update skip locked)",
        )
        .execute(&mut connection)
        .await?;
        let tokens = query!(
            "delete from refresh_tokens where hash in (
                select hash from refresh_tokens where used_at <= now() - make_interval(secs => $1)
                limit 1000 for update skip locked)",
            seconds(IDLE),
        )
        .execute(&mut connection)
        .await?;
        Ok(families.rows_affected() + tokens.rows_affected())
    }
}

/// The token's family, if it is still good and this client's; nobody else touches it until the transaction ends.
async fn lock_family(tx: &mut Transaction, rotation: &Rotation<'_>) -> Result<Option<Family>, Error> {
    let row = query!(
        "select family.id, family.scopes, users.id as user_id, users.is_admin
         from refresh_tokens
         join refresh_families family on family.id = family_id
         join users on users.id = family.user_id
         where hash = $1 and client_id = $2 and revoked_at is null and expires_at > now()
         for update of family",
        rotation.presented.as_slice(),
        rotation.client.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await?;
    let family = row.map(|row| {
        Ok(Family {
            id: row.id,
            person: Person { id: UserId(row.user_id), is_admin: row.is_admin },
            client: rotation.client.clone(),
            scopes: row.scopes.parse().map_err(impossible)?,
        })
    });
    family.transpose()
}

/// A new family and its first token.
pub(super) async fn begin(tx: &mut Transaction, family: &Family, first: &Digest) -> Result<(), Error> {
    query!(
        "insert into refresh_families (id, user_id, client_id, scopes, expires_at)
         values ($1, $2, $3, $4, now() + make_interval(secs => $5))",
        family.id,
        family.person.id.0,
        family.client.as_str(),
        family.scopes.to_string(),
        seconds(IDLE),
    )
    .execute(&mut **tx)
    .await?;
    insert_token(tx, family, first).await
}

pub(super) async fn revoke(tx: &mut Transaction, family: Uuid) -> Result<(), Error> {
    query!("update refresh_families set revoked_at = now() where id = $1 and revoked_at is null", family)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

async fn insert_token(tx: &mut Transaction, family: &Family, hash: &Digest) -> Result<(), Error> {
    query!("insert into refresh_tokens (hash, family_id) values ($1, $2)", hash.as_slice(), family.id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
