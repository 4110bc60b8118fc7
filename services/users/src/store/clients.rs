//! The registered clients.

use database::violated_constraint;
use rpc::deadline;
use sqlx::query;

use super::{Store, impossible};
use crate::{
    domain::{Client, ClientId, Digest, RedirectUri, Violation},
    error::Error,
};

impl Store {
    pub async fn find_client(&self, id: &ClientId) -> Result<Option<Client>, Error> {
        let mut connection = self.pool.acquire().await?;
        let row = query!("select secret_hash, scopes, redirect_uris from clients where id = $1", id.as_str())
            .fetch_optional(&mut connection)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let uris: Result<Vec<_>, Violation> = row.redirect_uris.iter().map(|uri| RedirectUri::parse(uri)).collect();
        Ok(Some(Client {
            id: id.clone(),
            scopes: row.scopes.parse().map_err(impossible)?,
            redirect_uris: uris.map_err(impossible)?,
            secret_hash: row.secret_hash.map(Digest::try_from).transpose().map_err(|_| impossible("no SHA-256"))?,
        }))
    }

    pub async fn insert_client(&self, client: &Client) -> Result<(), Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let uris: Vec<String> = client.redirect_uris.iter().map(|uri| uri.as_str().to_owned()).collect();
        query!(
            "insert into clients (id, secret_hash, scopes, redirect_uris) values ($1, $2, $3, $4)",
            client.id.as_str(),
            client.secret_hash.as_ref().map(Digest::as_slice),
            client.scopes.to_string(),
            &uris,
        )
        .execute(&mut *tx)
        .await
        .map_err(|error| match violated_constraint(&error) {
            Some("clients_pkey") => Error::ClientTaken,
            _ => error.into(),
        })?;
        Ok(tx.commit().await?)
    }
}
