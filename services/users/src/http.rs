//! What the users service publishes over HTTP: the keys that its tokens are verified with.

use axum::{Json, Router, http::header::CACHE_CONTROL, middleware::from_fn_with_state, routing::get};
use identity::JwkSet;
use telemetry::http::{Requests, observe};

/// `/.well-known/jwks.json` (RFC 7517, section 5).
pub fn router(keys: JwkSet) -> Router {
    let answer = ([(CACHE_CONTROL, "public, max-age=300")], Json(keys));
    let router = Router::new().route("/.well-known/jwks.json", get(async move || answer.clone()));
    router.layer(from_fn_with_state(Requests::new(), observe))
}
