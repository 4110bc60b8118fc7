//! What goes on over one connection, and when that is too little.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    http::Version,
};
use http_body::{Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, sleep},
};

/// A client may take so long from the first byte of a request's head to the last, and to the first request at all.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// A connection without requests is kept for so long. Proxies in front that keep theirs longer may use one that is about
/// to be closed; most are told to close theirs after less.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// A client that takes nothing of its answers for so long does not read them.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// The same for one that we want to be rid of: a process has no time to wait for it (`DRAIN_TIMEOUT_S`).
const LAST_READ_TIMEOUT: Duration = Duration::from_secs(10);

/// To be told that the connection ends, and to take what was already answered.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a connection should go on no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Nothing is asked.
    Idle,
    /// The client is too slow in asking or in taking what it has asked for.
    Slow,
}

/// Of one connection.
#[derive(Clone)]
pub struct Activity(Arc<Mutex<State>>);

struct State {
    /// When the head began to come that is now awaited.
    head_since: Option<Instant>,
    /// Requests that are not yet answered to the end.
    requests: usize,
    /// Answers that have something that the client has not yet taken.
    untaken: usize,
    /// When something was last asked, answered or taken.
    moved: Instant,
    /// HTTP/2 sends more than requests, and has pings to see who is still there.
    is_http2: bool,
    is_leaving: bool,
}

impl Activity {
    pub fn begin() -> Self {
        let now = Instant::now();
        let state =
            State { head_since: Some(now), requests: 0, untaken: 0, moved: now, is_http2: false, is_leaving: false };
        Self(Arc::new(Mutex::new(state)))
    }

    /// The head of a request has come.
    pub fn request(&self, version: Version) -> Exchange {
        let mut state = self.state();
        state.head_since = None;
        state.requests += 1;
        state.is_http2 = version == Version::HTTP_2;
        Exchange { activity: self.clone(), is_untaken: false }
    }

    /// Waits until there was too little of it. Polled after the connection, it knows what that has just done.
    pub async fn overdue(&self) -> Overdue {
        let mut timer = pin!(sleep(HEAD_TIMEOUT));
        poll_fn(|cx| {
            loop {
                let Some((limit, why)) = self.limit() else { return Poll::Pending };
                if limit < timer.deadline() {
                    timer.as_mut().reset(limit);
                }
                ready!(timer.as_mut().poll(cx));
                if limit <= timer.deadline() {
                    return Poll::Ready(why);
                }
                // Every request moves the limit on: to set the timer each time would cost more than to wake up once.
                timer.as_mut().reset(limit);
            }
        })
        .await
    }

    /// The client has been told to go.
    pub fn leave(&self) {
        let mut state = self.state();
        (state.is_leaving, state.moved) = (true, Instant::now());
    }

    fn limit(&self) -> Option<(Instant, Overdue)> {
        let state = self.state();
        let (idle_timeout, read_timeout) = match state.is_leaving {
            false => (IDLE_TIMEOUT, READ_TIMEOUT),
            true => (FAREWELL_TIMEOUT, LAST_READ_TIMEOUT),
        };
        match (state.head_since, state.requests, state.untaken) {
            (Some(since), _, _) => Some((since + HEAD_TIMEOUT, Overdue::Slow)),
            (None, 0, _) => Some((state.moved + idle_timeout, Overdue::Idle)),
            // It waits for us, and we have a deadline of our own, or a stream that ends in time.
            (None, _, 0) => None,
            (None, _, _) => Some((state.moved + read_timeout, Overdue::Slow)),
        }
    }

    fn heard(&self) {
        let mut state = self.state();
        if state.requests == 0 && !state.is_http2 {
            state.head_since.get_or_insert_with(Instant::now);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request and its answer, which is over when it is dropped.
pub struct Exchange {
    activity: Activity,
    is_untaken: bool,
}

impl Exchange {
    fn note(&mut self, is_untaken: bool) {
        let mut state = self.activity.state();
        state.untaken = state.untaken - usize::from(self.is_untaken) + usize::from(is_untaken);
        state.moved = Instant::now();
        self.is_untaken = is_untaken;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.note(false);
        self.activity.state().requests -= 1;
    }
}

/// An answer's body. It is asked for more only when the client has taken what it was sent.
pub struct Answer {
    body: Body,
    exchange: Exchange,
}

impl Answer {
    pub fn new(body: Body, mut exchange: Exchange) -> Self {
        exchange.note(true);
        Self { body, exchange }
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        self.exchange.note(frame.is_ready());
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that tells when something comes over it.
pub struct Heard<S> {
    pub stream: S,
    pub activity: Activity,
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.activity.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
