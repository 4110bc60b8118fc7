//! What is done now and then: forgetting old idempotency keys.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::store::Store;

const BETWEEN_SWEEPS: Duration = Duration::from_secs(3600);

/// Sweeps until `shutdown`. Every replica does: deleting twice is harmless.
pub async fn run(store: Store, shutdown: CancellationToken) {
    let mut sweeps = interval(BETWEEN_SWEEPS);
    sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(sweeps.tick()).await.is_some() {
        match store.sweep_keys().await {
            Ok(keys) => tracing::debug!(keys, "old idempotency keys forgotten"),
            Err(error) => tracing::warn!(error = rpc::status::chain(&error), "sweeping failed"),
        }
    }
}
