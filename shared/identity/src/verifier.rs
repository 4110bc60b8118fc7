//! The other side: is this token what it says?

use std::sync::Arc;

use discovery::Registry;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, jwk::JwkSet};
use thiserror::Error;
use tonic::metadata::MetadataMap;
use uuid::Uuid;

use crate::{
    Caller, Config, Issuer, Mesh, Subject,
    claims::{Claims, TOKEN_TYPE},
    keys::{FetchError, Keys},
};

/// Clocks of different machines differ by less than this many seconds.
const LEEWAY: u64 = 30;

/// No token of an honest issuer is longer, in bytes.
const MAX_TOKEN: usize = 4096;

/// Why there is no caller. The messages are safe to show.
#[derive(Clone, Debug, Error)]
pub enum Error {
    /// There is no token.
    #[error("an access token is required")]
    Missing,
    /// The token is not good; the reason is nobody's business.
    #[error("the access token is not valid")]
    Invalid,
    /// Whether it is good cannot be known now.
    #[error("access tokens cannot be verified now")]
    KeysUnavailable(#[source] Arc<FetchError>),
}

/// Verifies tokens: signature, issuer, audience, time.
#[derive(Clone)]
pub struct Verifier {
    keys: Arc<Keys>,
    validation: Arc<Validation>,
}

impl Verifier {
    /// Believes an issuer whose keys are published; one that is a service of ours has to prove that it is.
    ///
    /// Errors: the issuer is a service's name, and there is no registry to ask.
    pub fn new(config: &Config, registry: &Registry, mesh: &Mesh) -> anyhow::Result<Self> {
        Ok(Self::with_keys(&config.issuer, Keys::published(&config.token_jwks_url, registry, mesh)?))
    }

    /// Believes the process's own tokens: for the issuer itself.
    pub fn of_issuer(issuer: &Issuer, keys: &JwkSet) -> Self {
        Self::with_keys(issuer, Keys::known(keys))
    }

    fn with_keys(issuer: &Issuer, keys: Keys) -> Self {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[&issuer.token_issuer]);
        validation.set_audience(&[&issuer.token_audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Self { keys: Arc::new(keys), validation: Arc::new(validation) }
    }

    /// The caller of a gRPC call, by its `authorization` metadata.
    ///
    /// Errors: see [`Error`](enum@Error).
    pub async fn caller(&self, metadata: &MetadataMap) -> Result<Caller, Error> {
        let mut values = metadata.get_all("authorization").iter();
        let (Some(authorization), None) = (values.next(), values.next()) else {
            return Err(if metadata.contains_key("authorization") { Error::Invalid } else { Error::Missing });
        };
        self.verify(authorization.to_str().map_err(|_| Error::Invalid)?).await
    }

    /// The caller by the value of an `authorization` header (RFC 6750, section 2.1).
    ///
    /// Errors: see [`Error`](enum@Error).
    pub async fn verify(&self, authorization: &str) -> Result<Caller, Error> {
        let (scheme, token) = authorization.split_once(' ').ok_or(Error::Invalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") || token.len() > MAX_TOKEN {
            return Err(Error::Invalid);
        }
        let header = decode_header(token).map_err(|_| Error::Invalid)?;
        let expected = header.alg == Algorithm::ES256 && header.typ.as_deref() == Some(TOKEN_TYPE);
        let key_id = header.kid.filter(|_| expected).ok_or(Error::Invalid)?;
        let key = self.keys.find(&key_id).await?;
        let claims = decode::<Claims>(token, &key, &self.validation).map_err(|_| Error::Invalid)?.claims;
        let scopes = claims.scope.parse().map_err(|_| Error::Invalid)?;
        Ok(Caller::new(subject(&claims)?, claims.client_id, scopes, authorization))
    }
}

/// A program that acts in its own name is its own subject (RFC 9068, section 2.2); any other subject is an account.
fn subject(claims: &Claims) -> Result<Subject, Error> {
    match Uuid::try_parse(&claims.sub) {
        Ok(id) => Ok(Subject::User(id)),
        Err(_) if claims.sub == claims.client_id => Ok(Subject::Client(claims.sub.clone())),
        Err(_) => Err(Error::Invalid),
    }
}
