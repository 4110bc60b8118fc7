//! The other side: is this token what it says?

use std::sync::Arc;

use anyhow::bail;
use discovery::Registry;
use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{TokenData, dangerous, jwk::JwkSet};
use serde::Deserialize;
use thiserror::Error;

use crate::{
    Caller, Config, Issuer, Mesh, OutsideIssuer,
    keys::{FetchError, Source},
    trusted::TrustedIssuer,
    verified::VerifiedTokens,
};

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

/// Verifies tokens: signature, issuer, audience, time. Copies share the keys, and what was verified a moment ago.
#[derive(Clone)]
pub struct Verifier {
    /// Our own first.
    issuers: Arc<[Arc<TrustedIssuer>]>,
    verified: VerifiedTokens,
}

/// What may be looked at before anything is verified: only to know whose word is to be verified.
#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

impl Verifier {
    /// Believes an issuer whose keys are published, and the outside ones of the settings. An issuer that is a service of ours
    /// has to prove that it is.
    ///
    /// Errors: the issuer is a service's name, and there is no registry to ask; two issuers have one name; this machine has
    /// no root certificates to fetch keys by https.
    pub fn new(config: &Config, registry: &Registry, mesh: &Mesh) -> anyhow::Result<Self> {
        let source = Source::of(&config.token_jwks_url, registry, mesh)?;
        Self::of(TrustedIssuer::our_own(&config.issuer, source)).believing(&config.outside_issuers)
    }

    /// Believes the process's own tokens: for the issuer itself.
    pub fn of_issuer(issuer: &Issuer, keys: &JwkSet) -> Self {
        Self::of(TrustedIssuer::itself(issuer, keys))
    }

    fn of(own: TrustedIssuer) -> Self {
        Self { issuers: [Arc::new(own)].into(), verified: VerifiedTokens::new() }
    }

    /// Believes these as well.
    ///
    /// Errors: two issuers have one name; this machine has no root certificates to fetch keys by https.
    pub fn believing(self, others: &[OutsideIssuer]) -> anyhow::Result<Self> {
        let mut issuers = self.issuers.to_vec();
        for other in others {
            if issuers.iter().any(|issuer| issuer.name == other.issuer) {
                bail!("two issuers have the name {}", other.issuer);
            }
            issuers.push(Arc::new(TrustedIssuer::outside(other)?));
        }
        Ok(Self { issuers: issuers.into(), ..self })
    }

    /// Our own issuer signs with these keys and no others from now on: for the issuer itself.
    pub fn set_keys(&self, keys: &JwkSet) {
        self.issuers[0].keys.replace(keys);
    }

    /// The caller by the `authorization` header of a request, or the metadata of a call, which is the same. Two of them are
    /// one too many to know who is calling.
    ///
    /// Errors: see [`Error`](enum@Error).
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Error> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let authorization = values.next().ok_or(Error::Missing)?;
        if values.next().is_some() {
            return Err(Error::Invalid);
        }
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
        if let Some(caller) = self.verified.find(token) {
            return Ok(caller);
        }
        let unverified = dangerous::insecure_decode::<Unverified>(token).map_err(|_| Error::Invalid)?;
        let TokenData { header, claims: Unverified { iss } } = unverified;
        let issuer = self.issuers.iter().find(|issuer| issuer.name == iss).ok_or(Error::Invalid)?;
        let verified = issuer.verify(token, &header).await?;
        let caller = verified.caller.clone();
        self.verified.keep(token, verified);
        Ok(caller)
    }
}
