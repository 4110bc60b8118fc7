//! An event as a message of NATS: CloudEvents' binary mode, as its binding to NATS, section 3.1, has it
//! (<https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/nats-protocol-binding.md>).
//!
//! None of our attributes has a character that the binding would have encoded. The context of the trace travels as W3C's
//! headers, which is where others look for it.

use async_nats::{HeaderMap, header::NATS_MESSAGE_ID};
use bytes::Bytes;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::streams::EVENTS;
use crate::Envelope;

const TRACE: [&str; 2] = ["traceparent", "tracestate"];

/// Where events of this kind are published.
pub(super) fn subject(kind: &str) -> String {
    format!("{EVENTS}.{kind}")
}

/// The headers of an event in a message with this id.
pub(super) fn headers(event: &Envelope, message_id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, message_id);
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-id", event.id.to_string());
    headers.insert("ce-type", event.kind.as_str());
    headers.insert("ce-source", event.source.as_str());
    headers.insert("ce-subject", event.subject.to_string());
    headers.insert("ce-time", event.time.format(&Rfc3339).expect("a time of our era"));
    headers.insert("ce-datacontenttype", "application/protobuf");
    for name in TRACE {
        if let Some(value) = event.trace.get(name).and_then(|value| value.to_str().ok()) {
            headers.insert(name, value);
        }
    }
    headers
}

/// The event of a message.
///
/// Errors: what is wrong with it.
pub(super) fn event(headers: Option<&HeaderMap>, data: Bytes) -> Result<Envelope, String> {
    let headers = headers.ok_or("it has no headers")?;
    let text = |name: &'static str| attribute(headers, name).ok_or_else(|| format!("it has no {name}"));
    if text("ce-specversion")? != "1.0" {
        return Err("it is of another version of CloudEvents".to_owned());
    }
    Ok(Envelope {
        id: text("ce-id")?.parse().map_err(|_| "its ce-id is no UUID")?,
        kind: text("ce-type")?.to_owned(),
        source: text("ce-source")?.to_owned(),
        subject: text("ce-subject")?.parse().map_err(|_| "its ce-subject is no UUID")?,
        time: OffsetDateTime::parse(text("ce-time")?, &Rfc3339).map_err(|_| "its ce-time is no time")?,
        data,
        trace: trace(headers),
    })
}

/// The text of a header.
pub(super) fn attribute<'a>(headers: &'a HeaderMap, name: &'static str) -> Option<&'a str> {
    headers.get(name).map(|value| value.as_str())
}

fn trace(headers: &HeaderMap) -> http::HeaderMap {
    let known = TRACE.into_iter().filter_map(|name| {
        let value = attribute(headers, name)?.parse().ok()?;
        Some((http::HeaderName::from_static(name), value))
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn told() -> Envelope {
        let mut trace = http::HeaderMap::new();
        trace.insert("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap());
        Envelope {
            id: Uuid::now_v7(),
            kind: "orders.v1.OrderPlaced".to_owned(),
            source: "/orders".to_owned(),
            subject: Uuid::now_v7(),
            time: OffsetDateTime::now_utc(),
            data: Bytes::from_static(b"data"),
            trace,
        }
    }

    #[test]
    fn an_event_arrives_as_it_was_sent() {
        let told = told();
        let heard = event(Some(&headers(&told, "1")), told.data.clone()).unwrap();
        assert_eq!(format!("{heard:?}"), format!("{told:?}"));
    }

    #[test]
    fn a_message_without_its_attributes_is_no_event() {
        let told = told();
        assert!(event(None, Bytes::new()).is_err());
        for (name, value) in [("ce-specversion", "0.3"), ("ce-id", "1"), ("ce-subject", "1"), ("ce-time", "now")] {
            let mut headers = headers(&told, "1");
            headers.insert(name, value);
            assert!(event(Some(&headers), Bytes::new()).is_err(), "{name}");
        }
    }
}
