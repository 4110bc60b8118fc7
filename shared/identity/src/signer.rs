//! The issuer's side: a key that signs tokens.

use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, PublicKeyUse, ThumbprintHash},
};
use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Issuer, Scopes, Subject,
    claims::{Claims, TOKEN_TYPE},
};

/// A key that cannot be made, read or used.
#[derive(Debug, Error)]
#[error("the signing key: {0}")]
pub struct SignerError(String);

impl From<jsonwebtoken::errors::Error> for SignerError {
    fn from(error: jsonwebtoken::errors::Error) -> Self {
        Self(error.to_string())
    }
}

/// What an access token is to say.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Whom it speaks for.
    pub subject: Subject,
    /// The program that it is given to.
    pub client_id: String,
    /// What it allows.
    pub scopes: Scopes,
    /// How long it is good, from now.
    pub lifetime: Duration,
}

/// An ES256 key (RFC 7518, section 3.4) with its id.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    jwk: Jwk,
    id: String,
}

impl Signer {
    /// A new private key, as PKCS #8 in DER. Errors: the system has no randomness.
    pub fn generate() -> Result<Vec<u8>, SignerError> {
        let failed = |_| SignerError("cannot be generated".to_owned());
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(failed)?;
        let der = key.to_pkcs8v1().map_err(failed)?;
        Ok(der.as_ref().to_vec())
    }

    /// The signer with this private key (PKCS #8 in DER). Its id is the key's thumbprint (RFC 7638).
    ///
    /// Errors: it is no P-256 key.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SignerError> {
        let key = EncodingKey::from_ec_der(der);
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        let id = jwk.thumbprint(ThumbprintHash::SHA256)?;
        jwk.common.key_id = Some(id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        Ok(Self { key, jwk, id })
    }

    /// The key's id: the `kid` of its tokens.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public half, to be published.
    pub fn public_key(&self) -> Jwk {
        self.jwk.clone()
    }

    /// An access token. Errors: the key cannot sign.
    pub fn sign(&self, issuer: &Issuer, grant: &Grant) -> Result<String, SignerError> {
        let now = OffsetDateTime::now_utc();
        let claims = Claims {
            iss: issuer.token_issuer.clone(),
            sub: grant.subject.to_string(),
            aud: issuer.token_audience.clone(),
            exp: (now + grant.lifetime).unix_timestamp(),
            iat: now.unix_timestamp(),
            jti: Uuid::new_v4(),
            client_id: grant.client_id.clone(),
            scope: grant.scopes.to_string(),
        };
        let header =
            Header { typ: Some(TOKEN_TYPE.to_owned()), kid: Some(self.id.clone()), ..Header::new(Algorithm::ES256) };
        Ok(encode(&header, &claims, &self.key)?)
    }
}
