//! What the shop wants to know of its orders.

use std::time::Duration;

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Gauge, Histogram},
};

use crate::{
    domain::{Order, Reason, Refusal, Status},
    error::Error,
    store::Changed,
};

/// A payment takes less than a second, an outage minutes; ten seconds are what was promised.
const SETTLEMENT_SECONDS: &[f64] =
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0];

/// Counted from the start of the process.
#[derive(Clone)]
pub struct Metrics {
    placed: Counter<u64>,
    rejected: Counter<u64>,
    cancelled: Counter<u64>,
    /// In the minor units of the currency.
    revenue: Counter<u64>,
    /// From placing an order to its first other state.
    settlement: Histogram<f64>,
    oldest_pending: Gauge<f64>,
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
            settlement: meter
                .f64_histogram("orders.settlement.duration")
                .with_unit("s")
                .with_boundaries(SETTLEMENT_SECONDS.to_vec())
                .build(),
            oldest_pending: meter.f64_gauge("orders.pending.oldest").with_unit("s").build(),
        }
    }

    pub fn placed(&self, order: &Order) {
        let currency = currency(order);
        self.placed.add(1, &currency);
        // A total is never negative.
        self.revenue.add(order.total.amount().unsigned_abs(), &currency);
    }

    pub fn changed(&self, changed: &Changed) {
        let Changed { from, reason, order } = changed;
        if *reason == Reason::CalledOff {
            self.cancelled.add(1, &currency(order));
        }
        if *from == Status::Pending {
            let took = order.updated_at - order.created_at;
            self.settlement.record(took.as_seconds_f64(), &[KeyValue::new("outcome", outcome(*reason))]);
        }
    }

    pub fn oldest_pending(&self, age: Duration) {
        self.oldest_pending.record(age.as_secs_f64(), &[]);
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

fn outcome(reason: Reason) -> &'static str {
    match reason {
        Reason::Paid => "confirmed",
        Reason::Declined => "rejected",
        Reason::CalledOff => "cancelled",
        Reason::Expired => "expired",
    }
}

/// There are as many as the catalogue has.
fn currency(order: &Order) -> [KeyValue; 1] {
    [KeyValue::new("currency", order.total.currency().as_str().to_owned())]
}
