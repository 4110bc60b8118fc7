//! What orders tells the world, and what it hears of others: that an order was paid or not, that a person is gone.

use database::Transaction;
use events::{Event, Handle, HandlingError, Outbox, Row};
use proto::{money::v1::Money, orders::v1 as pb, payments::v1 as payments, users::v1 as users};

use crate::{
    domain::{Order, OrderId, Reason, Status, UserId, Violation},
    error::Error,
    metrics::Metrics,
    store::Store,
};

/// What is told of an order as it is now.
pub fn event_of(outbox: &Outbox, order: &Order) -> Row {
    let (subject, order_id, version) = (order.id.0, order.id.to_string(), order.version);
    match order.status {
        Status::Pending => {
            let total = Money { amount: order.total.amount(), currency: order.total.currency().as_str().to_owned() };
            let (user_id, total) = (order.user_id.to_string(), Some(total));
            outbox.row(subject, &pb::OrderPlaced { order_id, user_id, total, version })
        }
        Status::Confirmed => outbox.row(subject, &pb::OrderConfirmed { order_id, version }),
        Status::Rejected => outbox.row(subject, &pb::OrderRejected { order_id, version }),
        Status::Cancelled => outbox.row(subject, &pb::OrderCancelled { order_id, version }),
    }
}

/// Does what follows from the events of others.
#[derive(Clone)]
pub struct Handler {
    pub store: Store,
    pub metrics: Metrics,
}

impl Handle<payments::PaymentCaptured> for Handler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Event<payments::PaymentCaptured>,
    ) -> Result<(), HandlingError> {
        self.settle(transaction, &event.data.order_id, Reason::Paid).await
    }
}

impl Handle<payments::PaymentDeclined> for Handler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Event<payments::PaymentDeclined>,
    ) -> Result<(), HandlingError> {
        self.settle(transaction, &event.data.order_id, Reason::Declined).await
    }
}

impl Handle<users::UserDeleted> for Handler {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Event<users::UserDeleted>,
    ) -> Result<(), HandlingError> {
        let orders = self.store.forget(transaction, UserId::parse(&event.data.user_id)?).await?;
        tracing::info!(orders, "a person is forgotten");
        Ok(())
    }
}

impl Handler {
    /// What comes too late changes nothing: payments, which hears of what became of the order, gives the money back.
    async fn settle(&self, transaction: &mut Transaction, id: &str, reason: Reason) -> Result<(), HandlingError> {
        match self.store.settle(transaction, OrderId::parse(id)?, reason).await? {
            // A commit that fails after this is counted twice, which is rare and harmless.
            Some(changed) => self.metrics.changed(&changed),
            None => tracing::debug!(order = id, reason = reason.as_str(), "nothing follows from it any more"),
        }
        Ok(())
    }
}

impl From<Error> for HandlingError {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(cause) => cause.into(),
            other => Self::Defect(other.into()),
        }
    }
}

impl From<Violation> for HandlingError {
    fn from(violation: Violation) -> Self {
        Self::Defect(violation.into())
    }
}
