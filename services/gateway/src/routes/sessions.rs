//! `/v1/sessions`: signing in.

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use proto::users::v1 as pb;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{Backends, extract::Json, problem::Problem};

pub fn router() -> OpenApiRouter<Backends> {
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
}

/// Sign in
#[utoipa::path(
    post, path = "/v1/sessions", tag = "accounts", request_body = Credentials,
    responses((status = CREATED, description = "The session", body = Session), Problem),
)]
async fn sign_in(
    State(mut backends): State<Backends>,
    Json(Credentials { email, password }): Json<Credentials>,
) -> Result<impl IntoResponse, Problem> {
    let answer = backends.users.sign_in(pb::SignInRequest { email, password }).await?;
    let pb::SignInResponse { access_token, expires_in } = answer.into_inner();
    let session = Session { access_token, token_type: "Bearer", expires_in };
    // A token in a cache is a token in the wrong hands.
    Ok((StatusCode::CREATED, AppendHeaders([(header::CACHE_CONTROL, "no-store")]), axum::Json(session)))
}
