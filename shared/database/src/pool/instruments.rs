//! How the pool is told of: by the semantic conventions for database clients.

use std::{sync::Arc, time::Instant};

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram, UpDownCounter},
};
use telemetry::STATEMENT_SECONDS;

use super::connections::Connections;

/// How many connections there are, for as long as the pool is open.
pub(super) fn observe(connections: &Arc<Connections>, labels: &[KeyValue]) {
    let meter = global::meter("database");
    // The meter is there for ever, the pool need not be.
    let (observed, labels) = (Arc::downgrade(connections), labels.to_vec());
    let with_state =
        |state: &'static str| [labels.as_slice(), &[KeyValue::new("db.client.connection.state", state)]].concat();
    let (idle, used) = (with_state("idle"), with_state("used"));
    let counts = move || observed.upgrade().and_then(|connections| connections.counts());
    let counted = counts.clone();
    meter
        .i64_observable_up_down_counter("db.client.connection.count")
        .with_callback(move |count| {
            if let Some(counts) = counted() {
                count.observe(counts.idle as i64, &idle);
                count.observe(counts.used as i64, &used);
            }
        })
        .build();
    meter
        .i64_observable_up_down_counter("db.client.connection.max")
        .with_callback(move |max| {
            if let Some(counts) = counts() {
                max.observe(counts.max as i64, &labels);
            }
        })
        .build();
}

/// Those who want a connection.
pub(super) struct Waits {
    pending: UpDownCounter<i64>,
    duration: Histogram<f64>,
    timeouts: Counter<u64>,
    labels: Vec<KeyValue>,
}

impl Waits {
    pub fn of(labels: Vec<KeyValue>) -> Self {
        let meter = global::meter("database");
        let pending = meter.i64_up_down_counter("db.client.connection.pending_requests").build();
        let duration = meter.f64_histogram("db.client.connection.wait_time").with_unit("s");
        let duration = duration.with_boundaries(STATEMENT_SECONDS.to_vec()).build();
        let timeouts = meter.u64_counter("db.client.connection.timeouts").build();
        // So that it is there before the first one.
        timeouts.add(0, &labels);
        Self { pending, duration, timeouts, labels }
    }

    pub fn begin(self: &Arc<Self>) -> Waiting {
        self.pending.add(1, &self.labels);
        Waiting { waits: self.clone(), since: Instant::now() }
    }

    /// Somebody has waited in vain.
    pub fn time_out(&self) {
        self.timeouts.add(1, &self.labels);
    }
}

/// Somebody who waits, in vain or not.
pub(super) struct Waiting {
    waits: Arc<Waits>,
    since: Instant,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Waits { pending, duration, labels, .. } = &*self.waits;
        pending.add(-1, labels);
        duration.record(self.since.elapsed().as_secs_f64(), labels);
    }
}
