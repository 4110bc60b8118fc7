//! `POST /oauth/revoke`: a token that is not needed any more (RFC 7009).

use axum::{body::Bytes, extract::State, http::HeaderMap};

use super::{AuthorizationServer, client::authenticate, parameters::Parameters};
use crate::refusal::Refusal;

/// Of a token that is unknown, or another client's, the same is said: that it is not good, which is true.
pub async fn revoke(State(server): State<AuthorizationServer>, headers: HeaderMap, body: Bytes) -> Result<(), Refusal> {
    let form = Parameters::of_form(&headers, &body)?;
    let client = authenticate(&server, &headers, &form).await?;
    server.app.revoke(&client, form.get("token", "token is missing")?).await
}
