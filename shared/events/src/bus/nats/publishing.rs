//! Publishing: all at once, each with an answer of its own.

use std::error::Error as _;

use async_nats::{
    HeaderMap,
    jetstream::{
        ErrorCode,
        context::{PublishAckFuture, PublishError as Failure, PublishErrorKind},
        message::PublishMessage,
    },
};
use bytes::Bytes;
use futures::future::join_all;

use super::{Nats, wire};
use crate::{Envelope, bus::PublishError};

impl Nats {
    /// Publishes these, in this order; an answer for each.
    pub async fn publish(&self, events: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        if let Err(why) = self.open_streams().await {
            return events.iter().map(|_| Err(PublishError::Away(why.clone()))).collect();
        }
        let mut sent = Vec::with_capacity(events.len());
        for event in events {
            let headers = wire::headers(&event, &event.id.to_string());
            sent.push(self.send(wire::subject(&event.kind), headers, event.data).await);
        }
        join_all(sent.into_iter().map(|sent| self.answer(sent))).await
    }

    /// Publishes one message.
    pub(super) async fn publish_message(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), PublishError> {
        self.open_streams().await.map_err(PublishError::Away)?;
        let sent = self.send(subject, headers, payload).await;
        self.answer(sent).await
    }

    async fn send(&self, subject: String, headers: HeaderMap, payload: Bytes) -> Result<Sent, PublishError> {
        self.link.try_again(&subject);
        let changes = self.link.changes();
        let message = PublishMessage::build().headers(headers).payload(payload);
        let answer = self.jetstream.send_publish(subject.clone(), message).await.map_err(|error| judge(&error))?;
        Ok(Sent { subject, changes, answer })
    }

    async fn answer(&self, sent: Result<Sent, PublishError>) -> Result<(), PublishError> {
        let Sent { subject, changes, answer } = sent?;
        let answer = tokio::select! {
            biased;
            answer = answer.into_future() => answer.map(drop).map_err(|error| judge(&error)),
            () = self.link.forbidden(&subject) => Err(PublishError::Refused(format!("{subject} is not permitted"))),
            () = self.link.changed_since(changes) => Err(PublishError::Away("the connection was lost".to_owned())),
        };
        if let Err(PublishError::Away(_)) = answer {
            self.doubt_streams().await;
        }
        answer
    }
}

/// A message on its way.
struct Sent {
    subject: String,
    /// Those of the link until it was sent.
    changes: u64,
    answer: PublishAckFuture,
}

/// What is not known to be the message's fault is not held against it: a full stream, above all.
fn judge(failure: &Failure) -> PublishError {
    let text = telemetry::chain(failure);
    match failure.kind() {
        PublishErrorKind::MaxPayloadExceeded => PublishError::Refused(text),
        PublishErrorKind::Other if is_too_large(failure) => PublishError::Refused(text),
        PublishErrorKind::Other
        | PublishErrorKind::StreamNotFound
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => PublishError::Away(text),
    }
}

fn is_too_large(failure: &Failure) -> bool {
    let said = failure.source().and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
    let codes = [ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM, ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM];
    said.is_some_and(|error| codes.contains(&error.error_code()))
}
