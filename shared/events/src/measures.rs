//! What is measured of events, wherever it happens.

use std::sync::OnceLock;

use opentelemetry::{KeyValue, global, metrics::Counter};

/// An event of this kind was set aside by this group.
pub(crate) fn dead_letter(group: &'static str, kind: &str) {
    static COUNTER: OnceLock<Counter<u64>> = OnceLock::new();
    let counter =
        COUNTER.get_or_init(|| global::meter("events").u64_counter("events.dead_letters").with_unit("{event}").build());
    let labels = [
        KeyValue::new("messaging.consumer.group.name", group),
        KeyValue::new("messaging.destination.name", kind.to_owned()),
    ];
    counter.add(1, &labels);
}
