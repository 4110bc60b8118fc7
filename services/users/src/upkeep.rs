//! What is done every now and then: the keys are kept current, and what is over is forgotten.

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    keys::{self, Keys},
    store::Store,
};

/// Until `shutdown`, in every replica: what one of them has done, the others find done.
pub async fn run(keys: Keys, store: Store, shutdown: CancellationToken) {
    let mut rounds = interval(keys::BETWEEN_READS);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(rounds.tick()).await.is_some() {
        if let Err(error) = keys.keep().await {
            tracing::warn!(error = format!("{error:#}"), "the signing keys cannot be kept current");
        }
        match store.sweep().await {
            Ok(rows) => tracing::debug!(rows, "what is over is forgotten"),
            Err(error) => tracing::warn!(error = rpc::status::chain(&error), "sweeping failed"),
        }
    }
}
