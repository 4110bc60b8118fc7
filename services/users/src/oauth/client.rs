//! How a client proves who it is (RFC 6749, section 2.3): by HTTP Basic, in the form, or, a public one, not at all.

use axum::http::{HeaderMap, header::AUTHORIZATION};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::{AuthorizationServer, parameters::Parameters};
use crate::{domain::Client, refusal::Refusal};

/// The client behind a form. One way at a time.
pub async fn authenticate(
    server: &AuthorizationServer,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Client, Refusal> {
    let (id, secret) = (form.find("client_id"), form.find("client_secret"));
    if !headers.contains_key(AUTHORIZATION) {
        let id = id.ok_or(Refusal::InvalidClient)?;
        return server.app.authenticate_client(id, secret).await;
    }
    if secret.is_some() {
        return Err(Refusal::InvalidRequest("the client must prove itself in one way"));
    }
    let (name, password) = basic(headers).ok_or(Refusal::InvalidClient)?;
    if id.is_some_and(|id| id != name) {
        return Err(Refusal::InvalidRequest("the client must have one client_id"));
    }
    server.app.authenticate_client(&name, Some(&password)).await
}

/// Name and password, each encoded as in a form before they were joined (RFC 6749, section 2.3.1).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((form_decoded(name)?, form_decoded(password)?))
}

fn form_decoded(text: &str) -> Option<String> {
    // They would have been encoded.
    if text.contains(['&', '=']) {
        return None;
    }
    form_urlencoded::parse(text.as_bytes()).next().map(|(decoded, _)| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<(String, String)> {
        basic(&HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]))
    }

    fn encoded(text: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(text))
    }

    #[test]
    fn name_and_password_are_encoded_twice() {
        let expected = Some(("a:b".to_owned(), "p w+%".to_owned()));
        assert_eq!(read(&encoded("a%3Ab:p+w%2B%25")), expected);
        assert_eq!(read(&encoded("a%3Ab:p+w%2B%25").replace("Basic", "bASIC")), expected);
    }

    #[test]
    fn anything_else_is_nobody() {
        for value in ["", "Basic", "Basic !", "Bearer YTpi", &encoded("no colon"), &encoded("a:"), &encoded("a&b:c")] {
            assert_eq!(read(value), None, "{value}");
        }
    }
}
