//! An issuer of tokens, with its keys published as a real one's are.

use std::time::Duration;

use axum::{Json, Router, routing::get};
use identity::{Config, Grant, Issuer, JwkSet, Signer, Subject};
use uuid::Uuid;

/// What a person may do who is no administrator.
const ALL: &str = "orders:read orders:write users:read users:write";

/// Issues tokens that a service believes which has this issuer's [`Tokens::config`].
pub struct Tokens {
    /// What the service under test is to believe.
    pub config: Config,
    signer: Signer,
}

impl Tokens {
    /// A new issuer with a new key, published at a port of its own until the test ends.
    pub async fn issuer() -> Self {
        let signer = Signer::from_pkcs8(&Signer::generate().unwrap()).unwrap();
        let keys = JwkSet { keys: vec![signer.public_key()] };
        let (listener, address) = crate::listener().await;
        let router = Router::new().route("/jwks.json", get(async move || Json(keys.clone())));
        tokio::spawn(axum::serve(listener, router).into_future());
        let issuer = Issuer { token_issuer: format!("http://{address}"), token_audience: "tests".to_owned() };
        let token_jwks_url = format!("{}/jwks.json", issuer.token_issuer).parse().unwrap();
        let config = Config { issuer, token_jwks_url, outside_issuers: Vec::new() };
        Self { config, signer }
    }

    /// Where its keys are.
    pub fn jwks_url(&self) -> String {
        format!("{}/jwks.json", self.config.issuer.token_issuer)
    }

    /// The value of an `authorization` header in the name of this subject.
    pub fn bearer(&self, subject: Uuid) -> String {
        self.bearer_for(subject, Duration::from_secs(60))
    }

    /// The same, good for `lifetime` from now.
    pub fn bearer_for(&self, subject: Uuid, lifetime: Duration) -> String {
        self.bearer_of(&Grant {
            subject: Subject::User(subject),
            client_id: "tests".to_owned(),
            scopes: ALL.parse().unwrap(),
            lifetime,
        })
    }

    /// The same, allowing this and no more, with the scopes between spaces.
    pub fn bearer_with(&self, subject: Subject, scopes: &str) -> String {
        let (client_id, lifetime) = ("tests".to_owned(), Duration::from_secs(60));
        self.bearer_of(&Grant { subject, client_id, scopes: scopes.parse().unwrap(), lifetime })
    }

    /// The same of this grant.
    pub fn bearer_of(&self, grant: &Grant) -> String {
        format!("Bearer {}", self.signer.sign(&self.config.issuer, grant).unwrap())
    }
}
