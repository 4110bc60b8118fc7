//! What a token says, and who may say it.

use clap::Args;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::JwksUrl;

/// The media type of an access token in its header (RFC 9068, section 2.1).
pub(crate) const TOKEN_TYPE: &str = "at+jwt";

/// Who issues tokens, and for whom.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Issuer {
    /// The issuer of access tokens: their `iss` claim
    #[arg(long, env, default_value = "http://localhost:8080")]
    pub token_issuer: String,

    /// Whom access tokens are for: their `aud` claim
    #[arg(long, env, default_value = "joist")]
    pub token_audience: String,
}

/// Whose tokens are believed.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Who issues them.
    #[command(flatten)]
    pub issuer: Issuer,

    /// Where the issuer publishes its keys (RFC 7517): `http(s)://…`, or `consul:///users/.well-known/jwks.json`
    #[arg(long, env, default_value = "http://localhost:8081/.well-known/jwks.json")]
    pub token_jwks_url: JwksUrl,
}

/// The claims of a token (RFC 9068, section 2.2).
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: i64,
    pub iat: i64,
    pub jti: Uuid,
    pub client_id: String,
    #[serde(default)]
    pub scope: String,
}
