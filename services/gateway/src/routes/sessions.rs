//! `/v1/sessions`: signing in.

use std::sync::Arc;

use axum::{
    Extension,
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use proto::users::v1 as pb;
use serde::{Deserialize, Serialize};
use tonic::Request;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Backends, client_address::ClientAddress, extract::Json, problem::Problem};

pub fn router() -> OpenApiRouter<Arc<Backends>> {
    OpenApiRouter::new().routes(routes!(sign_in))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    #[schema(example = "ada@example.com")]
    email: String,
    #[schema(example = "correct horse battery staple")]
    password: String,
}

#[derive(Serialize, ToSchema)]
struct Session {
    /// For the `Authorization` header
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds
    expires_in: i64,
    /// For the next access token, once: `POST /oauth/token` as the client `joist`
    refresh_token: String,
    /// What the access token allows, between single spaces
    #[schema(example = "orders:read orders:write users:read users:write")]
    scope: String,
}

/// Sign in
#[utoipa::path(
    post, path = "/v1/sessions", tag = "accounts", request_body = Credentials,
    responses((status = CREATED, description = "The session", body = Session), Problem),
)]
async fn sign_in(
    State(backends): State<Arc<Backends>>,
    client: Option<Extension<ClientAddress>>,
    Json(Credentials { email, password }): Json<Credentials>,
) -> Result<impl IntoResponse, Problem> {
    let mut request = Request::new(pb::SignInRequest { email, password });
    // Who guesses passwords is known by it.
    if let Some(Extension(ClientAddress(address))) = client {
        let address = address.to_string().parse().expect("an address is ASCII");
        request.metadata_mut().insert("x-forwarded-for", address);
    }
    let answer = backends.users.clone().sign_in(request).await?;
    let pb::SignInResponse { access_token, expires_in, refresh_token, scope } = answer.into_inner();
    let session = Session { access_token, token_type: "Bearer", expires_in, refresh_token, scope };
    // A token in a cache is a token in the wrong hands.
    Ok((StatusCode::CREATED, AppendHeaders([(header::CACHE_CONTROL, "no-store")]), axum::Json(session)))
}
