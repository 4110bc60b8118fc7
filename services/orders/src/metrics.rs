//! What the shop wants to know of its orders.

use opentelemetry::{KeyValue, global, metrics::Counter};

use crate::{
    domain::{Order, Refusal},
    error::Error,
};

/// Counted from the start of the process.
#[derive(Clone)]
pub struct Metrics {
    placed: Counter<u64>,
    rejected: Counter<u64>,
    cancelled: Counter<u64>,
    /// In the minor units of the currency.
    revenue: Counter<u64>,
}

impl Metrics {
    pub fn new() -> Self {
        let meter = global::meter("orders");
        let counter = |name: &'static str, unit: &'static str| meter.u64_counter(name).with_unit(unit).build();
        Self {
            placed: counter("orders.placed", "{order}"),
            rejected: counter("orders.rejected", "{order}"),
            cancelled: counter("orders.cancelled", "{order}"),
            revenue: counter("orders.revenue", "{minor_unit}"),
        }
    }

    pub fn placed(&self, order: &Order) {
        let currency = currency(order);
        self.placed.add(1, &currency);
        // A total is never negative.
        self.revenue.add(order.total.amount().unsigned_abs(), &currency);
    }

    pub fn cancelled(&self, order: &Order) {
        self.cancelled.add(1, &currency(order));
    }

    /// What was not placed for a reason that whoever ordered can act on; failures of ours are told elsewhere.
    pub fn rejected(&self, error: &Error) {
        let reason = match error {
            Error::Refused(Refusal::OutOfStock(_)) => "OUT_OF_STOCK",
            Error::Refused(Refusal::UnknownProducts(_)) => "UNKNOWN_PRODUCT",
            Error::Refused(Refusal::SeveralCurrencies) => "SEVERAL_CURRENCIES",
            Error::Refused(Refusal::TotalTooLarge) => "TOTAL_TOO_LARGE",
            Error::IdempotencyKeyReused => "IDEMPOTENCY_KEY_REUSED",
            Error::NoAccount => "NO_ACCOUNT",
            _ => return,
        };
        self.rejected.add(1, &[KeyValue::new("reason", reason)]);
    }
}

/// There are as many as the catalogue has.
fn currency(order: &Order) -> [KeyValue; 1] {
    [KeyValue::new("currency", order.total.currency().as_str().to_owned())]
}
