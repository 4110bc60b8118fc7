//! `/oauth/authorize`: a person signs in for a program (RFC 6749, section 3.1).

use std::net::Ipv4Addr;

use axum::{
    body::Bytes,
    extract::{RawQuery, State},
    http::{
        HeaderMap, StatusCode,
        header::{HeaderName, ORIGIN},
    },
    response::Response,
};

use super::{
    AuthorizationServer, address,
    answer::Failure,
    page::{self, SignIn},
    parameters::Parameters,
    request::{Request, Unanswerable},
};
use crate::{app::Credentials, error::Error, refusal::Refusal};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

pub async fn show(
    State(server): State<AuthorizationServer>,
    RawQuery(query): RawQuery,
) -> Result<Response, Unanswerable> {
    let request = Request::read(&server, &query.unwrap_or_default()).await?;
    Ok(page::sign_in(StatusCode::OK, SignIn { request: &request, email: "", problem: None }))
}

/// The form of the page, which is sent to where the page is: the query is the same.
pub async fn sign_in(
    State(server): State<AuthorizationServer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Unanswerable> {
    if !is_from_our_page(&headers, &server.origin) {
        let message = "This form was sent by another site. Please go back to the program that you came from.";
        return Ok(page::refusal(StatusCode::FORBIDDEN, message));
    }
    let request = Request::read(&server, &query.unwrap_or_default()).await?;
    let form = Parameters::of_form(&headers, &body).map_err(|_| Unanswerable::Here("This is not our form."))?;
    let email = form.find("email").unwrap_or_default();
    let credentials = Credentials {
        email: email.to_owned(),
        password: form.find("password").unwrap_or_default().to_owned(),
        address: address(&headers).unwrap_or(Ipv4Addr::UNSPECIFIED.into()),
    };
    let person = match server.app.authenticate(credentials).await {
        Ok(person) => person,
        Err(error) => return try_again(&request, email, error),
    };
    match server.app.authorize(person, &request.authorization).await {
        Ok(code) => Ok(request.reply.code(&code)),
        Err(Refusal::Failed(error)) => Err(Unanswerable::Failed(error)),
        Err(refusal) => Ok(request.reply.error(refusal.code(), &refusal.to_string())),
    }
}

fn try_again(request: &Request, email: &str, error: Error) -> Result<Response, Unanswerable> {
    let (status, problem) = match &error {
        Error::WrongCredentials => (StatusCode::UNAUTHORIZED, "The e-mail address or the password is wrong."),
        Error::TooManyAttempts(_) => {
            (StatusCode::TOO_MANY_REQUESTS, "There were too many attempts. Please wait some minutes and try again.")
        }
        _ => return Err(Unanswerable::Failed(error)),
    };
    let page = page::sign_in(status, SignIn { request, email, problem: Some(problem) });
    Ok(Failure::of(error).told(page))
}

/// Another site could sign somebody in as itself. Browsers say where a form comes from, in one of two ways at least.
fn is_from_our_page(headers: &HeaderMap, origin: &str) -> bool {
    let all_are = |name, expected| headers.get_all(name).iter().all(|value| value == expected);
    let is_told = headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE);
    is_told && all_are(ORIGIN, origin) && all_are(SEC_FETCH_SITE, "same-origin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ours(headers: &[(HeaderName, &str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap()));
        is_from_our_page(&headers.collect(), "https://shop.example")
    }

    #[test]
    fn a_form_says_where_it_comes_from() {
        assert!(is_ours(&[(ORIGIN, "https://shop.example")]));
        assert!(is_ours(&[(SEC_FETCH_SITE, "same-origin")]));
        assert!(is_ours(&[(ORIGIN, "https://shop.example"), (SEC_FETCH_SITE, "same-origin")]));
    }

    #[test]
    fn a_form_of_another_site_or_of_nobody_is_none_of_ours() {
        assert!(!is_ours(&[]));
        for origin in ["null", "https://evil.example", "http://shop.example", "https://shop.example:444", ""] {
            assert!(!is_ours(&[(ORIGIN, origin)]), "{origin}");
            assert!(!is_ours(&[(ORIGIN, origin), (SEC_FETCH_SITE, "same-origin")]), "{origin}");
        }
        for site in ["cross-site", "same-site", "none", ""] {
            assert!(!is_ours(&[(SEC_FETCH_SITE, site)]), "{site}");
            assert!(!is_ours(&[(ORIGIN, "https://shop.example"), (SEC_FETCH_SITE, site)]), "{site}");
        }
    }
}
