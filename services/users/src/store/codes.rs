//! Authorization codes: given once, used once.

use std::time::Duration;

use identity::Scopes;
use rpc::deadline;
use sqlx::query;
use uuid::Uuid;

use super::{Store, impossible, refresh, seconds};
use crate::{
    domain::{Challenge, ClientId, Digest, Family, Person, UserId},
    error::Error,
};

/// Long enough to be carried from a browser to a program (RFC 6749, section 4.1.2, allows ten minutes).
const LIFETIME: Duration = Duration::from_secs(60);

/// What a code stands for.
pub struct NewCode<'a> {
    pub hash: Digest,
    pub client: &'a ClientId,
    pub user: UserId,
    pub redirect_uri: &'a str,
    pub scopes: &'a Scopes,
    pub challenge: &'a Challenge,
}

/// A code that somebody brings, and what has to be as it was when it was given.
pub struct PresentedCode<'a> {
    pub hash: Digest,
    pub client: &'a ClientId,
    pub redirect_uri: &'a str,
    pub challenge: &'a Challenge,
}

/// What becomes of it.
pub enum Redeemed {
    Granted(Family),
    /// It was used before, and what was given for it is void from now on.
    Reused(UserId),
    /// It is unknown, too old, or was given for something else.
    Refused,
}

impl Store {
    pub async fn insert_code(&self, code: &NewCode<'_>) -> Result<(), Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        query!(
            "insert into authorization_codes (hash, client_id, user_id, redirect_uri, scopes, challenge, expires_at)
             values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7))",
            code.hash.as_slice(),
            code.client.as_str(),
            code.user.0,
            code.redirect_uri,
            code.scopes.to_string(),
            code.challenge.as_str(),
            seconds(LIFETIME),
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    /// Exchanges a code for a family whose first token has the hash `first`.
    pub async fn redeem_code(&self, presented: &PresentedCode<'_>, first: &Digest) -> Result<Redeemed, Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        // The account first and then the code, as whoever deletes the account locks them.
        let user = query!(
            "select users.id, is_admin from users join authorization_codes on user_id = users.id
             where hash = $1 for key share of users",
            presented.hash.as_slice(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let code = query!(
            r#"select client_id, redirect_uri, scopes, challenge, family_id, expires_at > now() as "is_fresh!"
               from authorization_codes where hash = $1 for update"#,
            presented.hash.as_slice(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let (Some(user), Some(code)) = (user, code) else { return Ok(Redeemed::Refused) };
        if code.client_id != presented.client.as_str() {
            return Ok(Redeemed::Refused);
        }
        if let Some(family) = code.family_id {
            refresh::revoke(&mut tx, family).await?;
            tx.commit().await?;
            return Ok(Redeemed::Reused(UserId(user.id)));
        }
        let fits = code.redirect_uri == presented.redirect_uri && code.challenge == presented.challenge.as_str();
        if !code.is_fresh || !fits {
            return Ok(Redeemed::Refused);
        }
        let family = Family {
            id: Uuid::now_v7(),
            person: Person { id: UserId(user.id), is_admin: user.is_admin },
            client: presented.client.clone(),
            scopes: code.scopes.parse().map_err(impossible)?,
        };
        refresh::begin(&mut tx, &family, first).await?;
        query!("update authorization_codes set family_id = $2 where hash = $1", presented.hash.as_slice(), family.id,)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(Redeemed::Granted(family))
    }

    /// Forgets codes, a batch of them: not as soon as they are too old, for one that was used is still to be known when
    /// it comes again.
    pub(super) async fn sweep_codes(&self) -> Result<u64, Error> {
        let mut connection = self.pool.acquire().await?;
        let swept = query!(
            "delete from authorization_codes where hash in (
                select hash from authorization_codes where expires_at <= now() - interval '1 day'
                limit 1000 for update skip locked)",
        )
        .execute(&mut connection)
        .await?;
        Ok(swept.rows_affected())
    }
}
