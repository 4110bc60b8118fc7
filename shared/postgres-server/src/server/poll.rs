//! Waiting for what nobody announces: another process's end, a lock, a file.

use std::{
    thread,
    time::{Duration, Instant},
};

const PAUSE: Duration = Duration::from_millis(5);

/// Asks again and again until there is an answer; `None` when `patience` is over.
#[expect(clippy::disallowed_methods, reason = "the calls of this crate block, and say so")]
pub fn poll<T>(patience: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        match ask() {
            None if Instant::now() < deadline => thread::sleep(PAUSE),
            answer => return answer,
        }
    }
}
