//! axum's middleware by functions, around a service that is shared.
//!
//! axum copies what is within a middleware for each request, and with it whatever is within that: of ten layers, the
//! innermost is copied ten times (decision 0020). Here a copy is one more user of the same service.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use axum::middleware::{self, FromFnLayer};
use tower::{Layer, Service, ServiceExt, layer::util::Stack, util::Oneshot};

/// A layer that shares what is within it.
#[derive(Clone, Copy, Debug)]
pub struct Share;

/// A service, shared.
#[derive(Debug)]
pub struct Shared<S>(Arc<S>);

/// As [`axum::middleware::from_fn`].
pub fn from_fn<F, T>(function: F) -> Stack<Share, FromFnLayer<F, (), T>> {
    Stack::new(Share, middleware::from_fn(function))
}

/// As [`axum::middleware::from_fn_with_state`].
pub fn from_fn_with_state<F, S, T>(state: S, function: F) -> Stack<Share, FromFnLayer<F, S, T>> {
    Stack::new(Share, middleware::from_fn_with_state(state, function))
}

impl<S> Layer<S> for Share {
    type Service = Shared<S>;

    fn layer(&self, within: S) -> Shared<S> {
        Shared(Arc::new(within))
    }
}

impl<S> Clone for Shared<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S, R> Service<R> for Shared<S>
where
    S: Service<R> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Oneshot<S, R>;

    /// Always: the service is copied for a request, and asked then.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        S::clone(&self.0).oneshot(request)
    }
}
