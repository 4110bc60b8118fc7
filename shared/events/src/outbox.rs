//! The outbox: events that are written in the transaction of the change that they tell of.

pub(crate) mod gauges;
pub(crate) mod leases;
mod row;
pub(crate) mod sweep;

use std::sync::Arc;

use database::{Connection, Pool, Transaction};
use sqlx::query;
use tokio::{join, sync::Notify};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use self::row::Row;
use crate::{Bus, Envelope, Message, relay::Relay};

/// The outbox of a service. Copies share it.
#[derive(Clone, Debug)]
pub struct Outbox {
    service: &'static str,
    pool: Pool,
    written: Arc<Notify>,
}

impl Outbox {
    /// The outbox of `service` in its own database.
    pub fn new(service: &'static str, pool: &Pool) -> Self {
        Self { service, pool: pool.clone(), written: Arc::new(Notify::new()) }
    }

    /// Writes that this has happened to `subject`, in the transaction that makes it happen. What happens to one subject
    /// is published in the order in which it was written, as long as its transactions exclude each other.
    ///
    /// Errors: the statement's.
    pub async fn put<M: Message>(
        &self,
        transaction: &mut Connection,
        subject: Uuid,
        event: &M,
    ) -> Result<(), sqlx::Error> {
        let row = self.row(subject, event);
        query!(
            "insert into events.outbox (id, subject, kind, time, data, traceparent, tracestate)
             values ($1, $2, $3, $4, $5, $6, $7)",
            row.id,
            row.subject,
            row.kind,
            row.time,
            row.data,
            row.traceparent,
            row.tracestate,
        )
        .execute(transaction)
        .await?;
        Ok(())
    }

    /// What [`put`](Self::put) writes, for a statement that writes it together with the change and saves a round trip.
    pub fn row<M: Message>(&self, subject: Uuid, event: &M) -> Row {
        Row::of(Envelope::of(self.service, subject, event))
    }

    /// Commits, and wakes the relay.
    ///
    /// Errors: nobody knows whether it was committed.
    pub async fn commit(&self, transaction: Transaction) -> Result<(), sqlx::Error> {
        let committed = transaction.commit().await;
        self.wake();
        committed
    }

    /// Wakes the relay, which would look only after a second by itself: something was committed by other means than
    /// [`commit`](Self::commit).
    pub fn wake(&self) {
        self.written.notify_one();
    }

    /// Publishes what is in it until `shutdown`, and then, for two seconds at most, what is left. Every replica of a
    /// service does: each event is leased to one of them.
    pub async fn relay(self, bus: Bus, shutdown: CancellationToken) {
        join!(
            Relay::new(&self, bus).run(&shutdown),
            sweep::run(&self.pool, &shutdown),
            gauges::run(self.service, &self.pool, &shutdown),
        );
    }

    pub(crate) fn service(&self) -> &'static str {
        self.service
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Waits until something was written since the last time.
    pub(crate) async fn written(&self) {
        self.written.notified().await;
    }
}
