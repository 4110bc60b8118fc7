//! What is said to somebody without the right token, and how theirs would have to be (RFC 6750, section 3).

use axum::{
    http::{HeaderValue, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
};
use identity::{Denied, Error};
use tonic::Status;

use crate::problem::Problem;

/// Who has brought no token is told of no error.
pub fn unproven(error: Error) -> Response {
    let challenge =
        matches!(error, Error::Invalid).then(|| r#"Bearer realm="joist", error="invalid_token""#.to_owned());
    challenged(error.into(), challenge)
}

pub fn denied(denied: Denied) -> Response {
    let scope = denied.scope;
    let challenge = format!(r#"Bearer realm="joist", error="insufficient_scope", scope="{scope}""#);
    challenged(Status::permission_denied(denied.to_string()).into(), Some(challenge))
}

fn challenged(problem: Problem, challenge: Option<String>) -> Response {
    let mut response = problem.into_response();
    if let Some(challenge) = challenge {
        let challenge = HeaderValue::try_from(challenge).expect("a scope is printable ASCII");
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}
