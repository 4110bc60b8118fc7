//! The policy of a route is its signature: a handler that takes a `Caller` has one, all others are public.

use crate::{Backends, problem::Problem};
use axum::{extract::FromRequestParts, http::request::Parts};

/// Who is calling, proven.
pub struct Caller(pub identity::Caller);

impl FromRequestParts<Backends> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, backends: &Backends) -> Result<Self, Problem> {
        Ok(Self(backends.verifier.caller(&parts.headers).await?))
    }
}
