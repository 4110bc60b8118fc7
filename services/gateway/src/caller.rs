//! The policy of a route is its signature: a handler that takes a `Caller` has one, all others are public.

use axum::{
    extract::FromRequestParts,
    http::{header::AUTHORIZATION, request::Parts},
};
use identity::Error;

use crate::{Backends, problem::Problem};

/// Who is calling, proven.
pub struct Caller(pub identity::Caller);

impl FromRequestParts<Backends> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, backends: &Backends) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let authorization = values.next().ok_or(Error::Missing)?;
        // Two tokens are one too many to know who is calling.
        if values.next().is_some() {
            return Err(Error::Invalid.into());
        }
        let authorization = authorization.to_str().map_err(|_| Error::Invalid)?;
        let caller = backends.verifier.verify(authorization).await?;
        backends.rate_limits.admit_user(&parts.extensions, caller.subject())?;
        Ok(Self(caller))
    }
}
