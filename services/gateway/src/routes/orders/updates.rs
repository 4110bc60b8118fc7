//! `/v1/orders/{id}/events`: an order's states as they happen, as server-sent events.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderName, StatusCode, header::CACHE_CONTROL, request::Parts},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures::stream;
use opentelemetry::{Context, trace::FutureExt};
use proto::orders::v1 as pb;
use tokio::{select, sync::mpsc, time::timeout};

use super::{shapes::Order, watch::Watch};
use crate::{
    Backends,
    extract::Path,
    problem::Problem,
    routes::shapes::promised,
    streams::{Listener, Open},
};

/// A proxy in front closes a connection on which nothing is said, most after a minute or half of it.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A client whose stream ends comes back after some time between these: not all of them at once.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(3);

/// Whether there is anything to be told is known at once. So long we wait for it before the answer begins.
const FIRST_WORD: Duration = Duration::from_millis(300);

/// What is kept for a client that does not read. An order has hardly more states in its whole life.
const UNREAD: usize = 8;

/// The answer is not kept until it is complete by a proxy that knows this header.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Watch an order: its states as they happen, each once and in order, until it is settled
///
/// Each state is an event `order`, whose id is the order's version and whose data is the order as it is read. A client
/// that comes back says by `Last-Event-ID` what it has, as browsers do by themselves; when there is nothing more to come
/// it is answered with 204, and a browser then stops coming. A stream ends after ten minutes at most.
#[utoipa::path(
    get, path = "/v1/orders/{id}/events", tag = "orders", operation_id = "watch_order",
    params(("id" = Uuid, Path), ("Last-Event-ID" = Option<i64>, Header, description = "The last version that is known")),
    security(("access_token" = ["orders:read"])),
    responses(
        (status = OK, description = "The states that come after it", content_type = "text/event-stream", body = String),
        (status = NO_CONTENT, description = "There are none, nor will there be"),
        Problem,
    ),
)]
pub async fn watch(
    State(backends): State<Arc<Backends>>,
    Path(id): Path<String>,
    LastEventId(after): LastEventId,
    Listener { caller, stream, leaving }: Listener,
) -> Result<Response, Problem> {
    let mut watch = Watch::begin(backends.orders.clone(), caller, id, after).await?;
    let first = match timeout(FIRST_WORD, watch.next()).await {
        Ok(Ok(None)) => return Ok(StatusCode::NO_CONTENT.into_response()),
        Ok(state) => state?.map(event).transpose()?,
        // It may be long in coming, and the client wants to know that it is heard.
        Err(_) => None,
    };
    let (sender, events) = mpsc::channel(UNREAD);
    for event in [Some(retry()), first].into_iter().flatten() {
        // It is empty: there is room.
        let _ = sender.try_send(event);
    }
    tokio::spawn(tell(watch, sender, leaving.or_time_over()).with_context(Context::current()));
    Ok(answer(events, stream))
}

/// Of the one that the client has seen last; 0, if none.
pub struct LastEventId(i64);

impl<S: Sync> FromRequestParts<S> for LastEventId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let mut ids = parts.headers.get_all("last-event-id").iter();
        let id = match (ids.next(), ids.next()) {
            (None, _) => Some(0),
            (Some(id), None) => version(id.as_bytes()),
            (Some(_), Some(_)) => None,
        };
        let nonsense = || Problem::new(StatusCode::BAD_REQUEST).detail("the Last-Event-ID is no version of an order");
        id.map(Self).ok_or_else(nonsense)
    }
}

fn version(id: &[u8]) -> Option<i64> {
    // A parser of numbers takes a sign as well.
    let digits = str::from_utf8(id).ok().filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    digits?.parse().ok()
}

/// Passes on what happens until nothing more will, nobody listens or `end` comes.
///
/// It takes from the service whatever the client does: what stood in our connection to it would stand in the way of others.
async fn tell(mut watch: Watch, client: mpsc::Sender<Event>, end: impl Future<Output = ()>) {
    let mut end = pin!(end);
    loop {
        let next = select! {
            () = client.closed() => return,
            () = &mut end => {
                // Who has not read so far need not read this.
                let _ = client.try_send(retry());
                return;
            }
            next = watch.next() => next,
        };
        let event = match next.map_err(Problem::from) {
            Ok(None) => return,
            Ok(Some(state)) => event(state),
            Err(problem) => Err(problem),
        };
        match event {
            Ok(event) => {
                // Who takes nothing is told nothing more: he may come back for it.
                if client.try_send(event).is_err() {
                    return;
                }
            }
            Err(problem) => return tracing::warn!(problem = problem.story(), "a stream breaks off"),
        }
    }
}

fn event(state: pb::WatchOrderResponse) -> Result<Event, Problem> {
    let order = Order::try_from(promised(state.order)?)?;
    let event = Event::default().event("order").id(state.version.to_string());
    Ok(event.json_data(order).expect("strings and numbers are JSON"))
}

/// When to come back, should the stream end.
fn retry() -> Event {
    let spread = (LONGEST_RETRY - SHORTEST_RETRY).mul_f64(fastrand::f64());
    Event::default().retry(SHORTEST_RETRY + spread)
}

/// It is somebody's place among the streams until it is sent, or given up.
fn answer(events: mpsc::Receiver<Event>, place: Open) -> Response {
    let events = stream::unfold((events, place), |(mut events, place)| async {
        let event = events.recv().await?;
        Some((Ok::<_, Infallible>(event), (events, place)))
    });
    let stream = Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT));
    ([(CACHE_CONTROL, "no-store"), (X_ACCEL_BUFFERING, "no")], stream).into_response()
}
