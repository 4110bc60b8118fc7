//! How the publishing of events is told: each is a part of the trace that wrote it, a batch is linked to all.

use opentelemetry::{
    Context, KeyValue,
    global::{self, BoxedSpan, BoxedTracer},
    trace::{Link, Span, SpanKind, TraceContextExt, Tracer},
};
use telemetry::{Operation, Operations, STATEMENT_SECONDS};
use uuid::Uuid;

use crate::{Envelope, PublishError, event::trace};

/// By the semantic conventions for messaging.
pub struct Sending {
    operations: Operations,
    tracer: BoxedTracer,
}

/// Events that are being published.
pub struct Batch {
    span: BoxedSpan,
    events: Vec<(Sent, Operation)>,
}

/// What has to be known of an event that was published.
pub struct Sent {
    pub id: Uuid,
    pub kind: String,
    pub subject: Uuid,
}

impl Sending {
    pub fn new() -> Self {
        let metric = "messaging.client.operation.duration";
        Self {
            operations: Operations::new("events", SpanKind::Producer, metric, STATEMENT_SECONDS),
            tracer: global::tracer("events"),
        }
    }

    /// These are sent now; returns them as parts of their traces.
    pub fn begin(&self, mut envelopes: Vec<Envelope>) -> (Batch, Vec<Envelope>) {
        let events: Vec<_> = envelopes.iter_mut().map(|envelope| self.send(envelope)).collect();
        let links = events.iter().map(|(_, operation)| operation.context().span().span_context().clone());
        let links = links.filter(|context| context.is_sampled()).map(Link::with_context).collect();
        let builder = self.tracer.span_builder("publish").with_kind(SpanKind::Client).with_links(links);
        let mut span = self.tracer.build_with_context(builder, &Context::new());
        span.set_attribute(KeyValue::new("messaging.operation.name", "publish"));
        span.set_attribute(KeyValue::new("messaging.batch.message_count", events.len() as i64));
        (Batch { span, events }, envelopes)
    }

    fn send(&self, envelope: &mut Envelope) -> (Sent, Operation) {
        let attributes = vec![
            KeyValue::new("messaging.operation.name", "publish"),
            KeyValue::new("messaging.destination.name", envelope.kind.clone()),
        ];
        let parent = telemetry::extract(&envelope.trace);
        let operation = self.operations.begin(format!("send {}", envelope.kind), &parent, attributes);
        operation.describe(|| [KeyValue::new("messaging.message.id", envelope.id.to_string())]);
        envelope.trace = trace(operation.context());
        (Sent { id: envelope.id, kind: envelope.kind.clone(), subject: envelope.subject }, operation)
    }
}

impl Batch {
    /// They were answered so.
    pub fn end(mut self, answers: Vec<Result<(), PublishError>>) -> Vec<(Sent, Result<(), PublishError>)> {
        self.span.end();
        let answered = self.events.into_iter().zip(answers).map(|((sent, operation), answer)| {
            match &answer {
                Ok(()) => operation.succeed(None),
                Err(PublishError::Away(_)) => operation.fail(None, "away"),
                Err(PublishError::Refused(_)) => operation.fail(None, "refused"),
            }
            (sent, answer)
        });
        answered.collect()
    }
}
