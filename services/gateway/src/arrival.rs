//! Whether a request's body is what is being waited for.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
};
use http_body::{Frame, SizeHint};

/// Tells it of one request.
pub struct Arrival(Arc<AtomicBool>);

impl Arrival {
    /// Watches the body of this request.
    pub fn of(request: Request) -> (Self, Request) {
        let awaited = Arc::<AtomicBool>::default();
        let request = request.map(|body| Body::new(Watched { body, awaited: awaited.clone() }));
        (Self(awaited), request)
    }

    /// Somebody has asked for more of the body, and the client has not yet sent it.
    pub fn is_awaited(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Watched {
    body: Body,
    awaited: Arc<AtomicBool>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.awaited.store(frame.is_pending(), Ordering::Relaxed);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
