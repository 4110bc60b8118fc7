//! An event as it stands in the outbox.

use http::{HeaderMap, HeaderName, HeaderValue};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Envelope;

/// The columns of `events.outbox` that have no default, in their order.
#[derive(Clone, Debug)]
pub struct Row {
    /// See [`Event`](crate::Event).
    pub id: Uuid,
    /// See [`Event`](crate::Event).
    pub subject: Uuid,
    /// See [`Envelope`].
    pub kind: String,
    /// See [`Event`](crate::Event).
    pub time: OffsetDateTime,
    /// See [`Envelope`].
    pub data: Vec<u8>,
    /// The trace in which it is written (W3C Trace Context).
    pub traceparent: Option<String>,
    /// What vendors have added to it.
    pub tracestate: Option<String>,
}

impl Row {
    pub(crate) fn of(envelope: Envelope) -> Self {
        let header = |name| envelope.trace.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (traceparent, tracestate) = (header("traceparent"), header("tracestate"));
        let Envelope { id, kind, subject, time, data, .. } = envelope;
        Self { id, subject, kind, time, data: data.into(), traceparent, tracestate }
    }

    pub(crate) fn into_envelope(self, source: &str) -> Envelope {
        let traced = [("traceparent", self.traceparent), ("tracestate", self.tracestate)];
        let headers = traced.into_iter().filter_map(|(name, value)| {
            let value = HeaderValue::try_from(value?).ok()?;
            Some((HeaderName::from_static(name), value))
        });
        Envelope {
            id: self.id,
            kind: self.kind,
            source: source.to_owned(),
            subject: self.subject,
            time: self.time,
            data: self.data.into(),
            trace: headers.collect::<HeaderMap>(),
        }
    }
}
