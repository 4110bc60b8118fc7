//! How one event is handled: decoded, remembered, done, committed; told as a span.

use std::{marker::PhantomData, panic::AssertUnwindSafe, sync::Arc};

use database::{Connection, Pool};
use futures::{FutureExt as _, future::BoxFuture};
use opentelemetry::{KeyValue, context::FutureExt as _, trace::SpanKind};
use sqlx::query;
use telemetry::{Operation, Operations, STATEMENT_SECONDS};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::{Consumer, Consumers, Handle, HandlingError};
use crate::{Envelope, Event, Message, Outbox};

pub(super) struct Handling<M, H> {
    group: &'static str,
    kind: String,
    pool: Pool,
    outbox: Outbox,
    places: Arc<Semaphore>,
    handler: H,
    operations: Operations,
    handles: PhantomData<fn(M)>,
}

impl<M: Message, H: Handle<M>> Handling<M, H> {
    /// One of these.
    pub fn new(consumers: &Consumers, handler: H) -> Self {
        Self {
            group: consumers.group,
            kind: M::full_name(),
            pool: consumers.pool.clone(),
            outbox: consumers.outbox.clone(),
            places: consumers.places.clone(),
            handler,
            operations: Operations::new("events", SpanKind::Consumer, "messaging.process.duration", STATEMENT_SECONDS),
            handles: PhantomData,
        }
    }

    /// By the semantic conventions for messaging.
    fn begin(&self, envelope: &Envelope) -> Operation {
        let attributes = vec![
            KeyValue::new("messaging.consumer.group.name", self.group),
            KeyValue::new("messaging.destination.name", self.kind.clone()),
        ];
        let parent = telemetry::extract(&envelope.trace);
        let operation = self.operations.begin(format!("process {}", self.kind), &parent, attributes);
        operation.describe(|| {
            [
                KeyValue::new("messaging.operation.name", "process"),
                KeyValue::new("messaging.message.id", envelope.id.to_string()),
            ]
        });
        operation
    }

    async fn handle(&self, envelope: &Envelope) -> Result<(), HandlingError> {
        let Envelope { id, subject, time, .. } = *envelope;
        let data = M::decode(envelope.data.clone()).map_err(|error| HandlingError::Defect(error.into()))?;
        let event = Event { id, subject, time, data };
        let mut tx = self.pool.begin(None).await?;
        if !remember(&mut tx, self.group, id).await? {
            return Ok(());
        }
        self.handler.handle(&mut tx, &event).await?;
        self.outbox.commit(tx).await?;
        self.handler.handled(&event);
        Ok(())
    }
}

/// Whether it is new. Waits for another transaction in which it is being handled.
async fn remember(connection: &mut Connection, group: &str, id: Uuid) -> Result<bool, sqlx::Error> {
    let remembered = query!(
        "insert into events.inbox (consumer, id) values ($1, $2) on conflict on constraint inbox_pkey do nothing",
        group,
        id,
    )
    .execute(connection)
    .await?;
    Ok(remembered.rows_affected() == 1)
}

impl<M: Message, H: Handle<M>> Consumer for Handling<M, H> {
    fn group(&self) -> &'static str {
        self.group
    }

    fn kind(&self) -> &str {
        &self.kind
    }

    fn consume<'a>(&'a self, envelope: &'a Envelope) -> BoxFuture<'a, Result<(), HandlingError>> {
        Box::pin(async move {
            let _place = self.places.acquire().await.expect("nobody closes it");
            let operation = self.begin(envelope);
            let handling = self.handle(envelope).with_context(operation.context().clone());
            let handled = AssertUnwindSafe(handling).catch_unwind().await;
            let handled =
                handled.unwrap_or_else(|panic| Err(HandlingError::Defect(telemetry::panic_message(&*panic).into())));
            match &handled {
                Ok(()) => operation.succeed(None),
                Err(HandlingError::Away(_)) => operation.fail(None, "away"),
                Err(HandlingError::Defect(_)) => operation.fail(None, "defect"),
            }
            handled
        })
    }
}
