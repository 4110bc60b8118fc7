//! An event, as its producer tells it and as others hear of it: the attributes of CloudEvents 1.0.

use bytes::Bytes;
use http::HeaderMap;
use opentelemetry::Context;
use time::OffsetDateTime;
use uuid::Uuid;

/// What an event can say: a protobuf message, whose full name is the event's type.
pub trait Message: prost::Message + prost::Name + Default + 'static {}

impl<M: prost::Message + prost::Name + Default + 'static> Message for M {}

/// An event that somebody handles.
#[derive(Clone, Debug)]
pub struct Event<M> {
    /// The same, however often it comes.
    pub id: Uuid,
    /// What it happened to: the id of an aggregate.
    pub subject: Uuid,
    /// When it happened.
    pub time: OffsetDateTime,
    /// What happened.
    pub data: M,
}

/// An event on its way.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// See [`Event`].
    pub id: Uuid,
    /// The full name of the message, such as `orders.v1.OrderPlaced`.
    pub kind: String,
    /// Whose it is, such as `/orders`.
    pub source: String,
    /// See [`Event`].
    pub subject: Uuid,
    /// See [`Event`].
    pub time: OffsetDateTime,
    /// The message, encoded.
    pub data: Bytes,
    /// The trace that it is a part of: `traceparent`, `tracestate`.
    pub trace: HeaderMap,
}

impl Envelope {
    /// What happens to `subject` now, told by `service`, as a part of the current trace.
    pub fn of<M: Message>(service: &str, subject: Uuid, data: &M) -> Self {
        Self {
            id: Uuid::now_v7(),
            kind: M::full_name(),
            source: source(service),
            subject,
            time: OffsetDateTime::now_utc(),
            data: data.encode_to_vec().into(),
            trace: Context::map_current(trace),
        }
    }
}

/// Whose the events of a service are.
pub(crate) fn source(service: &str) -> String {
    format!("/{service}")
}

/// How an event says which trace it belongs to. Baggage is a request's, which has been answered when others hear.
pub(crate) fn trace(context: &Context) -> HeaderMap {
    let mut headers = HeaderMap::new();
    telemetry::inject(context, &mut headers);
    headers.remove("baggage");
    headers
}
