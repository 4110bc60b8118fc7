//! What a token says, and who may say it.

use clap::Args;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{JwksUrl, OutsideIssuer};

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

    /// Where the issuer publishes its keys (RFC 7517): `http(s)://…`, `consul:///users/.well-known/jwks.json` or
    /// `dns:///users:8081/.well-known/jwks.json`
    #[arg(long, env, default_value = "http://localhost:8081/.well-known/jwks.json")]
    pub token_jwks_url: JwksUrl,

    /// Issuers that are believed besides, between semicolons: `issuer=https://id.example.com
    /// jwks=https://id.example.com/keys audience=joist algorithm=RS256 scopes=orders:read,orders:write`. The algorithm is
    /// ES256, EdDSA or RS256, and the scopes are the most that it may give
    #[arg(long, env, value_delimiter = ';')]
    pub outside_issuers: Vec<OutsideIssuer>,
}

/// The claims of a token of ours (RFC 9068, section 2.2).
#[derive(Serialize)]
pub(crate) struct Claims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: i64,
    pub iat: i64,
    pub jti: Uuid,
    pub client_id: String,
    pub scope: String,
}

/// What is read of the claims of a token once it is verified; issuer, audience and times have been judged then.
#[derive(Deserialize)]
pub(crate) struct Said {
    pub sub: String,
    /// Seconds since 1970, of which there may be fractions (RFC 7519, section 2).
    pub exp: f64,
    pub client_id: Option<String>,
    /// What some issuers say instead of `client_id` (OpenID Connect Core, section 2).
    pub azp: Option<String>,
    #[serde(default)]
    pub scope: String,
}
