//! `/v1/users`: one's own account.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use prost_types::FieldMask;
use proto::users::v1 as pb;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::shapes::{broken, promised, time};
use crate::{
    Backends,
    caller::Caller,
    extract::{Json, Path},
    problem::Problem,
};

pub fn router() -> OpenApiRouter<Arc<Backends>> {
    OpenApiRouter::new().routes(routes!(register)).routes(routes!(get, update, delete))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    #[schema(example = "ada@example.com")]
    email: String,
    #[schema(example = "Ada Lovelace")]
    display_name: String,
    /// 8 to 256 characters
    #[schema(example = "correct horse battery staple")]
    password: String,
}

/// What is to be changed; the rest stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserPatch {
    #[serde(default, deserialize_with = "present")]
    email: Option<String>,
    #[serde(default, deserialize_with = "present")]
    display_name: Option<String>,
}

/// In a merge patch `null` removes, and nothing of an account can be removed.
fn present<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    String::deserialize(value).map(Some)
}

#[derive(Serialize, ToSchema)]
struct User {
    id: Uuid,
    /// Absent where somebody signs in elsewhere and has not told it
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
    display_name: String,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

impl TryFrom<pb::User> for User {
    type Error = Problem;

    fn try_from(user: pb::User) -> Result<Self, Problem> {
        Ok(Self {
            id: user.id.parse().map_err(|_| broken("an account's id is no UUID"))?,
            email: Some(user.email).filter(|email| !email.is_empty()),
            display_name: user.display_name,
            created_at: time(user.created_at)?,
            updated_at: time(user.updated_at)?,
        })
    }
}

/// Sign up
#[utoipa::path(
    post, path = "/v1/users", tag = "accounts", request_body = NewUser,
    responses((status = CREATED, description = "The account", body = User), Problem),
)]
async fn register(
    State(backends): State<Arc<Backends>>,
    Json(NewUser { email, display_name, password }): Json<NewUser>,
) -> Result<impl IntoResponse, Problem> {
    let request = pb::RegisterRequest { email, display_name, password };
    let user = promised(backends.users.clone().register(request).await?.into_inner().user)?;
    let location = [(header::LOCATION, format!("/v1/users/{}", user.id))];
    Ok((StatusCode::CREATED, AppendHeaders(location), with_etag(user)?))
}

/// Read the account
#[utoipa::path(
    get, path = "/v1/users/{id}", tag = "accounts",
    params(("id" = Uuid, Path)),
    security(("access_token" = ["users:read"])),
    responses((status = OK, description = "The account", body = User), Problem),
)]
async fn get(
    State(backends): State<Arc<Backends>>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let answer = backends.users.clone().get_user(caller.request(pb::GetUserRequest { id })).await?;
    with_etag(promised(answer.into_inner().user)?)
}

/// Change the account, if it is still as the `If-Match` says
#[utoipa::path(
    patch, path = "/v1/users/{id}", tag = "accounts", request_body = UserPatch,
    params(("id" = Uuid, Path), ("If-Match" = String, Header)),
    security(("access_token" = ["users:write"])),
    responses((status = OK, description = "The account", body = User), Problem),
)]
async fn update(
    State(backends): State<Arc<Backends>>,
    Caller(caller): Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    Json(patch): Json<UserPatch>,
) -> Result<impl IntoResponse, Problem> {
    let named = [("email", patch.email.is_some()), ("display_name", patch.display_name.is_some())];
    let paths = named.into_iter().filter(|(_, named)| *named).map(|(name, _)| name.to_owned()).collect();
    let request = pb::UpdateUserRequest {
        id,
        user: Some(pb::User {
            email: patch.email.unwrap_or_default(),
            display_name: patch.display_name.unwrap_or_default(),
            ..Default::default()
        }),
        update_mask: Some(FieldMask { paths }),
        etag: if_match(&headers),
    };
    let answer = backends.users.clone().update_user(caller.request(request)).await?;
    with_etag(promised(answer.into_inner().user)?)
}

/// Delete the account
#[utoipa::path(
    delete, path = "/v1/users/{id}", tag = "accounts",
    params(("id" = Uuid, Path)),
    security(("access_token" = ["users:write"])),
    responses((status = NO_CONTENT, description = "The account is gone"), Problem),
)]
async fn delete(
    State(backends): State<Arc<Backends>>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    backends.users.clone().delete_user(caller.request(pb::DeleteUserRequest { id })).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn with_etag(user: pb::User) -> Result<impl IntoResponse, Problem> {
    let etag = HeaderValue::try_from(format!("\"{}\"", user.etag)).map_err(|_| broken("an etag is no header value"))?;
    Ok((AppendHeaders([(header::ETAG, etag)]), axum::Json(User::try_from(user)?)))
}

/// The etag in an `If-Match` (RFC 9110, section 13.1.1) without its quotes. What is none, a weak one included,
/// becomes one that matches nothing.
fn if_match(headers: &HeaderMap) -> String {
    let value = headers.get(header::IF_MATCH).map(|value| value.to_str().unwrap_or("?"));
    let value = value.unwrap_or_default().trim();
    let opaque = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match value {
        "" | "*" => value.to_owned(),
        // In quotes these two are etags like any other, and none of ours.
        _ => opaque.filter(|etag| !matches!(*etag, "" | "*")).unwrap_or("?").to_owned(),
    }
}
