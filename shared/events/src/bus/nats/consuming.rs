//! Consuming: a durable pull consumer for each group and kind, which the server remembers.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, pull::Config},
    stream::ConsumerCreateStrictErrorKind,
};
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::{
    Nats,
    streams::{DEAD_LETTERS, EVENTS},
    wire,
    worker::Worker,
};
use crate::consumers::{AT_ONCE, Consumer};

/// Who says nothing of an event for so long has lost it: somebody else gets it.
pub(super) const ACKNOWLEDGEMENT_LIMIT: Duration = Duration::from_secs(30);

impl Nats {
    /// Hands events to this consumer until `shutdown`, then waits for those that it has handed over.
    pub async fn consume(&self, consumer: Arc<dyn Consumer>, shutdown: CancellationToken) {
        let workers = (0..AT_ONCE).map(|_| Worker::new(self, &consumer, &shutdown));
        join_all(workers.map(Worker::run)).await;
    }

    /// Creates the consumer where it is missing; begins with the oldest event that there is.
    pub(super) async fn open_consumer(&self, group: &str, kind: &str) -> Result<(), String> {
        let consumer = durable(&name(group, kind), wire::subject(kind));
        match self.jetstream.create_consumer_strict_on_stream(consumer, EVENTS).await.map_err(|error| error.kind()) {
            // An operator may have configured it otherwise.
            Ok(_) | Err(ConsumerCreateStrictErrorKind::AlreadyExists) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The name of a consumer, such as `payments_orders_v1_OrderPlaced`.
pub(super) fn name(group: &str, kind: &str) -> String {
    format!("{group}_{}", kind.replace('.', "_"))
}

/// Where the events that a group could not handle are.
pub(super) fn dead_letter_subject(group: &str, kind: &str) -> String {
    format!("{DEAD_LETTERS}.{group}.{kind}")
}

/// No limit of deliveries, past which the server would forget an event without a word: whoever handles them counts. Nor
/// of those that wait: many that fail are not to hold up the others.
pub(super) fn durable(name: &str, filter_subject: String) -> Config {
    Config {
        durable_name: Some(name.to_owned()),
        filter_subject,
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACKNOWLEDGEMENT_LIMIT,
        max_deliver: -1,
        max_ack_pending: -1,
        ..Config::default()
    }
}
