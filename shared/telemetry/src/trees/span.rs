//! What is kept of a span: no more than its line shows.

use std::{borrow::Cow, time::SystemTime};

use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::trace::SpanData;

use super::text::harmless;

pub(super) struct EndedSpan {
    pub(super) id: SpanId,
    pub(super) parent: SpanId,
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
    pub(super) name: String,
    /// How it ended, or else where it ran.
    pub(super) note: String,
    pub(super) failed: bool,
}

impl From<SpanData> for EndedSpan {
    fn from(span: SpanData) -> Self {
        let failed = has_failed(&span);
        let note = if failed { failure(&span) } else { outcome(&span).unwrap_or_default().into_owned() };
        let arrow = if is_call(&span) { "→ " } else { "" };
        Self {
            id: span.span_context.span_id(),
            parent: span.parent_span_id,
            start: span.start_time,
            end: span.end_time,
            name: harmless(&format!("{arrow}{}", span.name)),
            note: harmless(&note),
            failed,
        }
    }
}

/// Whoever is called has a span of the same name; a database has none.
fn is_call(span: &SpanData) -> bool {
    let is_query = span.attributes.iter().any(|attribute| attribute.key.as_str().starts_with("db."));
    span.span_kind == SpanKind::Client && !is_query
}

fn has_failed(span: &SpanData) -> bool {
    matches!(span.status, Status::Error { .. }) || attribute(span, "error.type").is_some()
}

fn failure(span: &SpanData) -> String {
    let reason = match &span.status {
        Status::Error { description } if !description.is_empty() => Some(description.clone()),
        _ => attribute(span, "error.type"),
    };
    match (status_code(span), reason) {
        (Some(code), Some(reason)) if !reason.contains(&*code) => format!("✗ {code} {reason}"),
        (_, Some(text)) | (Some(text), None) => format!("✗ {text}"),
        (None, None) => "✗".to_owned(),
    }
}

fn outcome(span: &SpanData) -> Option<Cow<'_, str>> {
    status_code(span).filter(|code| code != "OK").or_else(|| attribute(span, "db.namespace"))
}

fn status_code(span: &SpanData) -> Option<Cow<'_, str>> {
    attribute(span, "http.response.status_code").or_else(|| attribute(span, "rpc.response.status_code"))
}

fn attribute<'a>(span: &'a SpanData, key: &str) -> Option<Cow<'a, str>> {
    // The SDK appends without looking: the last one counts.
    let attribute = span.attributes.iter().rfind(|attribute| attribute.key.as_str() == key)?;
    Some(attribute.value.as_str())
}
