//! What the users service answers over HTTP: the OAuth 2 endpoints, and the keys that its tokens are verified with.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{StatusCode, header::CACHE_CONTROL},
    middleware::{Next, from_fn, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::get,
};
use rpc::deadline;
use telemetry::http::{Requests, observe};

use crate::{
    keys,
    oauth::{self, AuthorizationServer},
};

/// The longest form has a code, a verifier and a URI.
const MAX_BODY: usize = 16 * 1024;

/// As long as the gateway waits.
const DEADLINE: Duration = Duration::from_secs(5);

pub fn router(server: AuthorizationServer) -> Router {
    let router = Router::new().route("/.well-known/jwks.json", get(jwks)).merge(oauth::router()).with_state(server);
    router
        .layer(from_fn(enforce_deadline))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(from_fn_with_state(Requests::new(), observe))
}

/// RFC 7517, section 5.
async fn jwks(State(server): State<AuthorizationServer>) -> impl IntoResponse {
    let cache_control = format!("public, max-age={}", keys::FRESH.as_secs());
    ([(CACHE_CONTROL, cache_control)], Json(server.app.keys.published()))
}

async fn enforce_deadline(request: Request, next: Next) -> Response {
    let answer = deadline::within(DEADLINE, next.run(request)).await;
    answer.unwrap_or_else(|_| StatusCode::GATEWAY_TIMEOUT.into_response())
}
