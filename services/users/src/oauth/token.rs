//! `POST /oauth/token`: a grant against tokens (RFC 6749, section 3.2).

use axum::{body::Bytes, extract::State, http::HeaderMap};

use super::{AuthorizationServer, client::authenticate, parameters::Parameters};
use crate::{app::Tokens, domain::Client, refusal::Refusal};

/// The grants that there are; a password is typed into our own page and nowhere else (RFC 9700, section 2.4).
pub const GRANT_TYPES: [&str; 3] = ["authorization_code", "refresh_token", "client_credentials"];

pub async fn issue(
    State(server): State<AuthorizationServer>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Tokens, Refusal> {
    let form = Parameters::of_form(&headers, &body)?;
    let grant_type = form.get("grant_type", "grant_type is missing")?;
    if !GRANT_TYPES.contains(&grant_type) {
        return Err(Refusal::UnsupportedGrantType);
    }
    let client = authenticate(&server, &headers, &form).await?;
    match grant_type {
        "authorization_code" => by_code(&server, &client, &form).await,
        "refresh_token" => {
            let token = form.get("refresh_token", "refresh_token is missing")?;
            server.app.refresh(&client, token, &form.scopes()?).await
        }
        _ => server.app.client_token(&client, &form.scopes()?),
    }
}

async fn by_code(server: &AuthorizationServer, client: &Client, form: &Parameters) -> Result<Tokens, Refusal> {
    let code = form.get("code", "code is missing")?;
    let redirect_uri = form.get("redirect_uri", "redirect_uri is missing")?;
    let verifier = form.get("code_verifier", "code_verifier is missing")?;
    server.app.redeem_code(client, code, redirect_uri, verifier).await
}
