//! The events that payments hears, and those that it tells.

use database::{Pool, Transaction};
use events::{Bus, Consumers, Event, Handle, HandlingError, Outbox, Row};
use proto::{money::v1 as money, orders::v1 as orders, payments::v1 as pb};

use crate::{
    SERVICE,
    app::App,
    domain::{Currency, Money, OrderId, Payment, Status, Violation},
};

/// All that is heard.
pub fn consumers(app: &App, pool: &Pool, bus: &Bus, outbox: &Outbox) -> Consumers {
    let cashier = Cashier { app: app.clone() };
    Consumers::new(SERVICE, pool, bus, outbox)
        .with::<orders::OrderPlaced>(cashier.clone())
        .with::<orders::OrderCancelled>(cashier)
}

/// Who hears of orders.
#[derive(Clone)]
struct Cashier {
    app: App,
}

impl Handle<orders::OrderPlaced> for Cashier {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Event<orders::OrderPlaced>,
    ) -> Result<(), HandlingError> {
        let amount = amount(event.data.total.as_ref()).map_err(|violation| HandlingError::Defect(violation.into()))?;
        Ok(self.app.authorize(transaction, OrderId(event.subject), amount).await?)
    }

    fn handled(&self, _: &Event<orders::OrderPlaced>) {
        self.app.due.notify_one();
    }
}

impl Handle<orders::OrderCancelled> for Cashier {
    async fn handle(
        &self,
        transaction: &mut Transaction,
        event: &Event<orders::OrderCancelled>,
    ) -> Result<(), HandlingError> {
        Ok(self.app.call_off(transaction, OrderId(event.subject)).await?)
    }

    fn handled(&self, _: &Event<orders::OrderCancelled>) {
        self.app.due.notify_one();
    }
}

fn amount(total: Option<&money::Money>) -> Result<Money, Violation> {
    let total = total.ok_or(Violation::new("total", "is missing"))?;
    Money::parse(total.amount, Currency::parse(&total.currency)?)
}

/// What is told of what the payment has become, as far as it concerns others.
pub fn event_of(outbox: &Outbox, payment: &Payment) -> Option<Row> {
    let subject = payment.order_id.0;
    let (payment_id, order_id) = (payment.id.to_string(), payment.order_id.to_string());
    let amount =
        Some(money::Money { amount: payment.amount.amount(), currency: payment.amount.currency().as_str().to_owned() });
    match payment.status {
        Status::Captured => Some(outbox.row(subject, &pb::PaymentCaptured { payment_id, order_id, amount })),
        Status::Declined => Some(outbox.row(subject, &pb::PaymentDeclined { payment_id, order_id })),
        Status::Refunded => Some(outbox.row(subject, &pb::PaymentRefunded { payment_id, order_id, amount })),
        Status::Authorizing | Status::Cancelling | Status::CalledOff | Status::Refunding => None,
    }
}
