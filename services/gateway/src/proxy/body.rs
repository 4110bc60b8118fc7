//! A request's body on its way through: it is passed on as it comes, and known to be untouched until it has begun.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::StatusCode,
};
use http_body::{Frame, SizeHint};
use http_body_util::LengthLimitError;

use crate::problem::Problem;

/// Copies share the one body, so that whoever gets the request next can have it if nobody has begun to read it.
#[derive(Clone)]
pub struct Passing(Arc<Mutex<State>>);

struct State {
    body: Body,
    has_begun: bool,
    failure: Option<axum::Error>,
}

impl Passing {
    pub fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(State { body, has_begun: false, failure: None })))
    }

    /// Whether any of it may be gone.
    pub fn has_begun(&self) -> bool {
        self.state().has_begun
    }

    /// What the client did wrong, if the body has failed.
    pub fn problem(&self) -> Option<Problem> {
        let failure = self.state().failure.take()?;
        let is_too_large = std::iter::successors(std::error::Error::source(&failure), |cause| (*cause).source())
            .any(|cause| cause.is::<LengthLimitError>());
        Some(match is_too_large {
            true => Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail("the body is too large"),
            false => Problem::new(StatusCode::BAD_REQUEST).detail("the body breaks off"),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HttpBody for Passing {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let mut state = self.state();
        state.has_begun = true;
        match Pin::new(&mut state.body).poll_frame(cx) {
            Poll::Ready(Some(Err(failure))) => {
                state.failure = Some(failure);
                Poll::Ready(Some(Err(Broken)))
            }
            Poll::Ready(frame) => Poll::Ready(frame.map(|frame| frame.map_err(|_| Broken))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.state().body.size_hint()
    }
}

/// The client's body has failed; how is kept where it is asked for.
#[derive(Debug, thiserror::Error)]
#[error("the body has failed")]
pub struct Broken;
