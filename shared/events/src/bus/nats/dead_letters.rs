//! What could not be handled: a stream of its own, of which each group sees its part.
//!
//! What an operator has dropped or replayed is acknowledged; it stays in the stream until it is too old.

use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{self, AckKind, consumer::PullConsumer},
};
use futures::{StreamExt, future::join_all};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use super::{
    Nats,
    consuming::{dead_letter_subject, durable},
    streams::DEAD_LETTERS,
    wire,
};
use crate::{Envelope, bus::PublishError, consumers::Consumer, measures};

const GROUP: &str = "dead-letter-group";
const REASON: &str = "dead-letter-reason";
const TRIES: &str = "dead-letter-tries";
const TIME: &str = "dead-letter-time";

/// A header may be long, but not without end.
const LONGEST_REASON: usize = 500;

const BATCH: usize = 500;

/// The dead letters of a group, for as long as somebody looks at them; nobody else sees them meanwhile.
pub(crate) struct DeadLetters {
    nats: Nats,
    letters: Vec<Letter>,
}

/// An event that could not be handled.
pub(crate) struct Letter {
    message: async_nats::Message,
    event: Result<Envelope, String>,
}

impl Nats {
    /// Sets an event aside, so that it can be looked at.
    ///
    /// Errors: it was not.
    pub(super) async fn set_aside(
        &self,
        consumer: &dyn Consumer,
        delivered: &jetstream::Message,
        tries: u32,
        why: &str,
    ) -> Result<(), PublishError> {
        let (group, kind) = (consumer.group(), consumer.kind());
        let mut headers = delivered.headers.clone().unwrap_or_default();
        headers.insert(NATS_MESSAGE_ID, message_id(group, delivered));
        headers.insert(GROUP, group);
        headers.insert(TRIES, tries.to_string());
        headers.insert(REASON, printable(why));
        headers.insert(TIME, OffsetDateTime::now_utc().format(&Rfc3339).expect("a time of our era"));
        let id = wire::attribute(&headers, "ce-id").unwrap_or_default().to_owned();
        self.publish_message(dead_letter_subject(group, kind), headers, delivered.payload.clone()).await?;
        measures::dead_letter(group, kind);
        tracing::error!(group, kind, id, tries, reason = why, "an event was set aside");
        Ok(())
    }

    /// The dead letters of a group.
    ///
    /// Errors: the server's.
    pub async fn dead_letters(&self, group: &str) -> anyhow::Result<DeadLetters> {
        self.connected().await?;
        self.open_streams().await.map_err(anyhow::Error::msg)?;
        let consumer: PullConsumer = self
            .jetstream
            .create_consumer_strict_on_stream(durable(group, dead_letter_subject(group, ">")), DEAD_LETTERS)
            .await?;
        let mut letters = Vec::new();
        loop {
            let before = letters.len();
            let mut messages = consumer.fetch().max_messages(BATCH).messages().await?;
            while let Some(message) = messages.next().await {
                letters.push(Letter::of(message.map_err(anyhow::Error::from_boxed)?.message));
            }
            if letters.len() == before {
                break;
            }
        }
        Ok(DeadLetters { nats: self.clone(), letters })
    }
}

impl DeadLetters {
    /// All of them, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Letter> {
        self.letters.iter()
    }

    /// Those of one event: it may have been replayed in vain.
    pub fn of(&self, id: Uuid) -> Vec<&Letter> {
        self.iter().filter(|letter| letter.event.as_ref().is_ok_and(|event| event.id == id)).collect()
    }

    /// Publishes an event again: groups that have handled it find it in their inboxes.
    ///
    /// Errors: it was not published.
    pub async fn replay(&self, letter: &Letter) -> anyhow::Result<()> {
        let event = letter.event.as_ref().map_err(|why| anyhow::anyhow!("it is no event: {why}"))?;
        // By its own id the stream could take it for a duplicate.
        let headers = wire::headers(event, &Uuid::new_v4().to_string());
        Ok(self.nats.publish_message(wire::subject(&event.kind), headers, event.data.clone()).await?)
    }

    /// Forgets these, and lets others see the rest again.
    pub async fn close(self, forgotten: impl Fn(&Letter) -> bool) {
        let answers = self.letters.iter().map(|letter| {
            let answer = if forgotten(letter) { AckKind::Ack } else { AckKind::Nak(None) };
            self.nats.settle(&letter.message, answer)
        });
        join_all(answers).await;
    }
}

impl Letter {
    fn of(message: async_nats::Message) -> Self {
        let event = wire::event(message.headers.as_ref(), message.payload.clone());
        Self { message, event }
    }

    /// The event, unless it is none.
    pub fn event(&self) -> Option<&Envelope> {
        self.event.as_ref().ok()
    }

    /// Why it could not be handled.
    pub fn reason(&self) -> &str {
        self.text(REASON)
    }

    /// How often it was tried.
    pub fn tries(&self) -> &str {
        self.text(TRIES)
    }

    /// When it was set aside.
    pub fn time(&self) -> &str {
        self.text(TIME)
    }

    fn text(&self, name: &'static str) -> &str {
        self.message.headers.as_ref().and_then(|headers: &HeaderMap| wire::attribute(headers, name)).unwrap_or_default()
    }
}

/// The same for each attempt to set this very delivery aside.
fn message_id(group: &str, delivered: &jetstream::Message) -> String {
    delivered.info().map_or_else(
        |_| Uuid::new_v4().to_string(),
        |info| format!("{group}:{}:{}", info.stream_sequence, info.published.unix_timestamp_nanos()),
    )
}

fn printable(text: &str) -> String {
    let printable = |character: char| if character == ' ' || character.is_ascii_graphic() { character } else { '?' };
    text.chars().take(LONGEST_REASON).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_into_a_header() {
        assert_eq!(printable("no “price”\r\nce-id: 1"), "no ?price???ce-id: 1");
        assert_eq!(printable(&"x".repeat(1000)).len(), LONGEST_REASON);
    }
}
