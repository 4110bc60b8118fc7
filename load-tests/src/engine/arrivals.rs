//! When iterations are due: at a steady rate, told by a thread of its own.

use std::{
    thread,
    time::{Duration, Instant},
};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The instants from `began` to `end` that are a `rate`th of a second apart, each told when it has come. Until the receiver
/// is dropped.
///
/// A runtime's timer is a millisecond late, which would be a part of every latency.
pub fn at(rate: f64, began: Instant, end: Instant) -> UnboundedReceiver<Instant> {
    let (told, arrivals) = unbounded_channel();
    let tell = move || {
        for number in 0_u64.. {
            let due = began + Duration::from_secs_f64(number as f64 / rate);
            if due >= end {
                break;
            }
            wait_until(due);
            if told.send(due).is_err() {
                break;
            }
        }
    };
    thread::spawn(tell);
    arrivals
}

#[expect(clippy::disallowed_methods, reason = "it is a thread of its own, and waits for the clock itself")]
fn wait_until(due: Instant) {
    thread::sleep(due.saturating_duration_since(Instant::now()));
}
