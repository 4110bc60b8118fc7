//! A delivery: the event is handled, or comes again, or is set aside.

use std::time::Duration;

use async_nats::{
    Message, Request,
    jetstream::{self, AckKind},
};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Nats, consuming::ACKNOWLEDGEMENT_LIMIT, wire, worker::Worker};
use crate::{Envelope, HandlingError, backoff::Backoff};

/// Whoever works on an event says so before the server gives up.
const SIGN_OF_LIFE: Duration = Duration::from_secs(10);
const _: () = assert!(SIGN_OF_LIFE.as_secs() * 2 < ACKNOWLEDGEMENT_LIMIT.as_secs());

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// So that it is not for another worker that leaves.
const HANDING_BACK: Duration = Duration::from_secs(2);

/// Deliveries that may be lost without the event's fault: with a process that is killed, with a server that is.
const LOST: u32 = 20;

/// What has become of a delivery.
enum Outcome {
    Handled,
    /// Whoever works on it has to go.
    HandedBack,
    Failed(String),
    /// It can never be handled.
    Hopeless(String),
}

impl Worker {
    /// Handles what the server has delivered, and tells it what has become of it.
    pub(super) async fn deliver(&self, message: Message) {
        let delivered = jetstream::Message { message, context: self.nats.jetstream.clone() };
        // That of the server, which counts what has been lost with its consumers too.
        let tries = delivered.info().map_or(1, |info| u32::try_from(info.delivered).unwrap_or(u32::MAX));
        let message = &delivered.message;
        let outcome = match wire::event(message.headers.as_ref(), message.payload.clone()) {
            Ok(event) => self.handle(message, &event, tries).await,
            Err(why) => Outcome::Hopeless(why),
        };
        match outcome {
            Outcome::Handled => self.nats.settle(message, AckKind::Ack).await,
            Outcome::HandedBack => self.nats.settle(message, AckKind::Nak(Some(HANDING_BACK))).await,
            Outcome::Failed(_) if tries < self.nats.max_deliver => {
                self.nats.settle(message, AckKind::Nak(Some(delay(tries)))).await;
            }
            Outcome::Failed(why) | Outcome::Hopeless(why) => self.set_aside(&delivered, tries, &why).await,
        }
    }

    /// An event that ends each process that handles it is never known to have failed, but comes again and again.
    async fn handle(&self, message: &Message, event: &Envelope, tries: u32) -> Outcome {
        if tries > self.nats.max_deliver.saturating_add(LOST) {
            return Outcome::Hopeless("nobody who was to handle it has said anything".to_owned());
        }
        let handling = self.hold(event);
        tokio::pin!(handling);
        let mut signs = interval(SIGN_OF_LIFE);
        signs.set_missed_tick_behavior(MissedTickBehavior::Delay);
        signs.tick().await;
        loop {
            tokio::select! {
                outcome = &mut handling => return outcome,
                _ = signs.tick() => self.nats.sign_of_life(message).await,
            }
        }
    }

    /// What fails because something is away is held, and does not count.
    async fn hold(&self, event: &Envelope) -> Outcome {
        let mut backoff = Backoff::default();
        let mut is_first = true;
        loop {
            match self.consumer.consume(event).await {
                Ok(()) => return Outcome::Handled,
                Err(defect @ HandlingError::Defect(_)) => return Outcome::Failed(telemetry::chain(&defect)),
                Err(away @ HandlingError::Away(_)) if is_first => {
                    tracing::warn!(id = %event.id, kind = event.kind, error = telemetry::chain(&away), "an event waits");
                    is_first = false;
                }
                Err(HandlingError::Away(_)) => {}
            }
            tokio::select! {
                () = sleep(backoff.next()) => {}
                () = self.shutdown.cancelled() => return Outcome::HandedBack,
            }
        }
    }

    async fn set_aside(&self, delivered: &jetstream::Message, tries: u32, why: &str) {
        let group = self.consumer.group();
        let answer = match self.nats.set_aside(self.consumer.as_ref(), delivered, tries, why).await {
            Ok(()) => AckKind::Term,
            Err(error) => {
                tracing::warn!(error = telemetry::chain(&error), group, "an event cannot be set aside yet");
                AckKind::Nak(Some(LONGEST_DELAY))
            }
        };
        self.nats.settle(&delivered.message, answer).await;
    }
}

impl Nats {
    /// Tells the server what becomes of a message, and waits until it knows. If it does not, the message comes again.
    pub(super) async fn settle(&self, message: &Message, answer: AckKind) {
        let Some(reply) = message.reply.clone() else { return };
        if !self.is_connected() {
            return;
        }
        let (client, changes) = (self.jetstream.client(), self.link.changes());
        let request = Request::new().payload(answer.into());
        tokio::select! {
            settled = client.send_request(reply, request) => {
                if let Err(error) = settled {
                    tracing::debug!(error = telemetry::chain(&error), "the bus does not know what became of an event");
                }
            }
            () = self.link.changed_since(changes) => {}
        }
    }

    async fn sign_of_life(&self, message: &Message) {
        let Some(reply) = message.reply.clone() else { return };
        if self.is_connected() {
            // Without it the event is delivered to somebody else too, and takes effect once.
            let _ = self.jetstream.client().publish(reply, AckKind::Progress.into()).await;
        }
    }
}

/// What has failed waits longer each time.
fn delay(tries: u32) -> Duration {
    FIRST_DELAY.saturating_mul(1 << tries.saturating_sub(1).min(16)).min(LONGEST_DELAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_again_waits_longer() {
        let delays = [1, 2, 3, 9, 10, u32::MAX].map(delay);
        let expected = [100, 200, 400, 25_600, 30_000, 30_000].map(Duration::from_millis);
        assert_eq!(delays, expected);
    }
}
