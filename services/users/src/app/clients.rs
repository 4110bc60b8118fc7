//! Programs: registered by an operator, known by what they prove.

use identity::Scopes;
use settings::Secret;

use super::App;
use crate::{
    audit,
    domain::{Client, ClientId, RedirectUri, Violation, digest, permissions, random},
    error::Error,
    refusal::Refusal,
};

/// A client to be registered.
#[derive(Debug)]
pub struct NewClient {
    id: ClientId,
    scopes: Scopes,
    redirect_uris: Vec<RedirectUri>,
    is_public: bool,
}

impl NewClient {
    /// Without a redirect URI it is a program by itself.
    pub fn parse(name: &str, scopes: &str, redirect_uris: &[String], is_public: bool) -> Result<Self, Violation> {
        let id = ClientId::parse(name)?;
        let refused = |field, problem| Err(Violation { field, problem });
        let scopes = match scopes.parse::<Scopes>() {
            Ok(scopes) if !scopes.is_empty() && scopes.and(&permissions::all()) == scopes => scopes,
            _ => return refused("scope", "must be some of admin, orders:read, orders:write, users:read, users:write"),
        };
        let redirect_uris = redirect_uris.iter().map(|uri| RedirectUri::parse(uri)).collect::<Result<Vec<_>, _>>()?;
        match is_public && redirect_uris.is_empty() {
            true => refused("redirect_uri", "is needed by a public client"),
            false => Ok(Self { id, scopes, redirect_uris, is_public }),
        }
    }
}

impl App {
    /// Its secret, which nobody can read again; a public client has none.
    pub async fn add_client(&self, new: NewClient) -> Result<Option<Secret>, Error> {
        let NewClient { id, scopes, redirect_uris, is_public } = new;
        let secret = (!is_public).then(random);
        let secret_hash = secret.as_ref().map(|secret| digest(secret.expose()));
        let client = Client { id, scopes, redirect_uris, secret_hash };
        self.store.insert_client(&client).await?;
        audit::client_added(&client.id);
        Ok(secret)
    }

    pub async fn find_client(&self, id: &str) -> Result<Option<Client>, Error> {
        match ClientId::parse(id) {
            Ok(id) => self.store.find_client(&id).await,
            Err(_) => Ok(None),
        }
    }

    /// The client, if it is who it says.
    pub async fn authenticate_client(&self, id: &str, secret: Option<&str>) -> Result<Client, Refusal> {
        let client = self.find_client(id).await?.ok_or(Refusal::InvalidClient)?;
        match client.is_proven_by(secret) {
            true => Ok(client),
            false => {
                audit::client_authentication_failed(&client.id);
                Err(Refusal::InvalidClient)
            }
        }
    }
}
