//! Who may call: each method's entry in the policy, before the method hears of the call.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use anyhow::ensure;
use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
};
use http::HeaderMap;
use identity::{Access, Caller, Error, Policy, Verifier};
use tonic::Status;

use super::stack::STANDARD_SERVICES;
use crate::status::{caused_by, unavailable};

/// Knows the policy, and who somebody is.
pub(super) struct Guard {
    verifier: Verifier,
    policy: Policy,
    by_method: HashMap<&'static str, Access>,
}

impl Guard {
    pub fn new(verifier: Verifier, policy: Policy) -> Self {
        Self { verifier, policy, by_method: policy.iter().copied().collect() }
    }

    /// Errors: a method has no entry, an entry no method, or one entry says what another has said.
    pub fn check<'a>(&self, methods: impl Iterator<Item = &'a str>) -> anyhow::Result<()> {
        let (methods, entries): (BTreeSet<_>, BTreeSet<_>) =
            (methods.collect(), self.by_method.keys().copied().collect());
        let (open, idle): (Vec<_>, Vec<_>) =
            (methods.difference(&entries).collect(), entries.difference(&methods).collect());
        ensure!(open.is_empty(), "the policy says nothing of {open:?}");
        ensure!(idle.is_empty(), "the policy speaks of {idle:?}, which are not served");
        ensure!(entries.len() == self.policy.len(), "the policy has two entries for one method");
        Ok(())
    }

    /// Who is calling, where that matters.
    ///
    /// Errors: the caller may not, or who it is cannot be known.
    async fn admit(&self, path: &str, headers: &HeaderMap) -> Result<Option<Caller>, Status> {
        let method = path.strip_prefix('/').unwrap_or_default();
        // What nobody has thought of is nobody's to call.
        let access = *self.by_method.get(method).ok_or_else(|| Status::unimplemented("there is no such method"))?;
        if access.is_public() {
            return Ok(None);
        }
        let caller = self.verifier.caller(headers).await.map_err(unproven)?;
        access.judge(&caller, method).map_err(|denied| Status::permission_denied(denied.to_string()))?;
        Ok(Some(caller))
    }
}

/// Nothing, where there is no guard.
pub(super) fn around(services: Router, guard: Option<Guard>) -> Router {
    match guard {
        Some(guard) => services.layer(from_fn_with_state(Arc::new(guard), authorize)),
        None => services,
    }
}

async fn authorize(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    // Health and reflection.
    if request.uri().path().starts_with(STANDARD_SERVICES) {
        return next.run(request).await;
    }
    match guard.admit(request.uri().path(), request.headers()).await {
        Ok(caller) => {
            caller.map(|caller| request.extensions_mut().insert(caller));
            next.run(request).await
        }
        Err(refusal) => refusal.into_http(),
    }
}

/// Who is calling, as a guarded server has found out.
///
/// Errors: UNAUTHENTICATED where nobody had to prove it, because the policy says so or there is none.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<Caller, Status> {
    Caller::of(request).map_err(unproven)
}

fn unproven(error: Error) -> Status {
    let message = error.to_string();
    match error {
        Error::Missing | Error::Invalid => Status::unauthenticated(message),
        Error::KeysUnavailable(_) => caused_by(unavailable(message), error),
    }
}
