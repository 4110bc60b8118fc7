//! `/.well-known/oauth-authorization-server`: what a program has to know of us (RFC 8414).

use axum::{Json, extract::State, http::header::CACHE_CONTROL, response::IntoResponse};
use serde_json::json;

use super::{AuthorizationServer, token::GRANT_TYPES};
use crate::domain::permissions;

/// Nothing of it changes while we run.
const FRESH: &str = "public, max-age=3600";

/// How clients prove themselves: see `client.rs`.
const CLIENT_AUTHENTICATION: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];

pub async fn show(State(server): State<AuthorizationServer>) -> impl IntoResponse {
    let metadata = json!({
        "issuer": &*server.issuer,
        "authorization_endpoint": server.at("/oauth/authorize"),
        "token_endpoint": server.at("/oauth/token"),
        "revocation_endpoint": server.at("/oauth/revoke"),
        "jwks_uri": server.at("/.well-known/jwks.json"),
        "scopes_supported": permissions::all().iter().collect::<Vec<_>>(),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANT_TYPES,
        "token_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "revocation_endpoint_auth_methods_supported": CLIENT_AUTHENTICATION,
        "code_challenge_methods_supported": ["S256"],
        // RFC 9207: whoever knows several servers can tell whose answer it is.
        "authorization_response_iss_parameter_supported": true,
        "ui_locales_supported": ["en"],
    });
    ([(CACHE_CONTROL, FRESH)], Json(metadata))
}
