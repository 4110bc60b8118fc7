//! Who is calling, for the handlers that have to know.

use axum::{extract::FromRequestParts, http::request::Parts};

use crate::problem::Problem;

/// Who is calling, proven: on a route whose entry in the policy asks for a token.
pub struct Caller(pub identity::Caller);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get().cloned();
        caller.map(Self).ok_or_else(|| identity::Error::Missing.into())
    }
}
