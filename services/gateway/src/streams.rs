//! Answers that go on for minutes: how many there may be, who has one, and when it ends.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
};
use identity::Subject;
use opentelemetry::{global, metrics::UpDownCounter};
use rpc::status::unavailable;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::{
    Backends,
    caller::Caller,
    problem::Problem,
    seats::{Full, Seat, Seats},
};

/// In all the tabs and telephones of one person.
const MAX_PER_PERSON: u32 = 32;

/// None goes on for longer. An access token may be over by then, and whoever holds it has to bring another.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Those of one instance.
#[derive(Clone)]
pub struct Streams {
    seats: Arc<Seats<Subject>>,
    open: UpDownCounter<i64>,
}

impl Streams {
    pub fn new(max_streams: u32) -> Self {
        let open = global::meter("http").i64_up_down_counter("http.server.streams").with_unit("{stream}").build();
        Self { seats: Seats::new(max_streams, MAX_PER_PERSON), open }
    }

    fn admit(&self, subject: &Subject) -> Result<Open, Problem> {
        let seat = self.seats.take(Some(subject.clone())).map_err(|full| match full {
            Full::InAll => unavailable("too many streams at once").into(),
            Full::ForOne => Problem::new(StatusCode::TOO_MANY_REQUESTS).detail("too many streams of this user"),
        })?;
        self.open.add(1, &[]);
        Ok(Open { counter: self.open.clone(), _seat: seat })
    }
}

/// One of them, for as long as this is there.
pub struct Open {
    counter: UpDownCounter<i64>,
    _seat: Seat<Subject>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.counter.add(-1, &[]);
    }
}

/// Cancelled when the process is about to leave: it waits for no stream. Among the extensions of each request.
#[derive(Clone, Default)]
pub struct Leaving(pub CancellationToken);

impl Leaving {
    /// Until a stream has to end that begins now. Not all that began at one moment end at one: they will all come back.
    pub async fn or_time_over(self) {
        // Either way, it is over.
        let _ = timeout(LONGEST.mul_f64(1.0 - fastrand::f64() / 10.0), self.0.cancelled()).await;
    }
}

/// Somebody for whom there is room to listen.
pub struct Listener {
    pub caller: identity::Caller,
    pub stream: Open,
    pub leaving: Leaving,
}

impl FromRequestParts<Arc<Backends>> for Listener {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, backends: &Arc<Backends>) -> Result<Self, Problem> {
        let Caller(caller) = Caller::from_request_parts(parts, backends).await?;
        let stream = backends.streams.admit(caller.subject())?;
        let leaving = parts.extensions.get().cloned().unwrap_or_default();
        Ok(Self { caller, stream, leaving })
    }
}
