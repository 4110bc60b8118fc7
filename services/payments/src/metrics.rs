//! What the shop wants to know of its payments.

use std::time::Duration;

use opentelemetry::{
    global,
    metrics::{Counter, Gauge},
};

use crate::domain::Status;

/// Counted from the start of the process.
#[derive(Clone)]
pub struct Metrics {
    captured: Counter<u64>,
    declined: Counter<u64>,
    refunded: Counter<u64>,
    oldest_authorizing: Gauge<f64>,
}

impl Metrics {
    pub fn new() -> Self {
        let meter = global::meter("payments");
        let counter = |name: &'static str| {
            let counter = meter.u64_counter(name).with_unit("{payment}").build();
            // So that it is there before the first one.
            counter.add(0, &[]);
            counter
        };
        Self {
            captured: counter("payments.captured"),
            declined: counter("payments.declined"),
            refunded: counter("payments.refunded"),
            oldest_authorizing: meter.f64_gauge("payments.authorizing.oldest").with_unit("s").build(),
        }
    }

    /// A payment has become this.
    pub fn changed(&self, status: Status) {
        match status {
            Status::Captured => self.captured.add(1, &[]),
            Status::Declined => self.declined.add(1, &[]),
            Status::Refunded => self.refunded.add(1, &[]),
            Status::Authorizing | Status::Cancelling | Status::CalledOff | Status::Refunding => {}
        }
    }

    /// The age of the oldest payment that is still to be charged; zero if there is none.
    pub fn oldest_authorizing(&self, age: Duration) {
        self.oldest_authorizing.record(age.as_secs_f64(), &[]);
    }
}
