//! Waiting for a state: looking again and again, and never for ever.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::time::sleep;

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
