//! Waiting for a state: looking again and again, and never for ever.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::time::{sleep, timeout};

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Waits until it holds, and tells how long that took.
///
/// Errors: it does not within `limit`; the message says `what` did not come.
pub async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) -> anyhow::Result<Duration> {
    let began = Instant::now();
    while !holds().await {
        ensure!(began.elapsed() < limit, "not within {:.1} s: {what}", limit.as_secs_f64());
        sleep(BETWEEN_LOOKS).await;
    }
    Ok(began.elapsed())
}

/// Errors: what it says, or that it hangs: it does not end within `limit`.
pub async fn within<T>(limit: Duration, story: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let hangs = || format!("it hangs: no end within {:.0} s", limit.as_secs_f64());
    timeout(limit, story).await.with_context(hangs).flatten()
}
