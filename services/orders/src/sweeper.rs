//! What is done now and then: giving up orders that nobody pays, forgetting old idempotency keys, and orders that came in while
//! their person was forgotten.

use std::time::Duration;

use tokio::{
    join,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{error::Error, metrics::Metrics, store::Store};

const BETWEEN_SWEEPS: Duration = Duration::from_secs(3600);

/// Orders that are overdue, or of people who are gone, are looked for this often, or more often where they are soon overdue.
const BETWEEN_LOOKS: Duration = Duration::from_secs(10);

/// Every replica has one: what one of them has done, the others find done.
pub struct Sweeper {
    pub store: Store,
    pub metrics: Metrics,
    /// How long an order may be pending.
    pub timeout: Duration,
}

impl Sweeper {
    /// Sweeps until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        join!(self.sweep_keys(&shutdown), self.look(&shutdown));
    }

    async fn sweep_keys(&self, shutdown: &CancellationToken) {
        let mut sweeps = interval(BETWEEN_SWEEPS);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(sweeps.tick()).await.is_some() {
            match self.store.sweep_keys().await {
                Ok(keys) => tracing::debug!(keys, "old idempotency keys forgotten"),
                Err(error) => tracing::warn!(error = rpc::status::chain(&error), "sweeping failed"),
            }
        }
    }

    async fn look(&self, shutdown: &CancellationToken) {
        let mut looks = interval((self.timeout / 4).min(BETWEEN_LOOKS));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(looks.tick()).await.is_some() {
            if let Err(error) = self.expire_all(shutdown).await {
                tracing::warn!(error = rpc::status::chain(&error), "overdue orders cannot be given up");
            }
            if let Err(error) = self.forget_latecomers().await {
                tracing::warn!(error = rpc::status::chain(&error), "orders of people who are gone cannot be forgotten");
            }
        }
    }

    /// Each in a transaction of its own: who holds two orders' products may meet another who does.
    async fn expire_all(&self, shutdown: &CancellationToken) -> Result<(), Error> {
        while !shutdown.is_cancelled()
            && let Some(expired) = self.store.expire(self.timeout).await?
        {
            tracing::info!(order = %expired.order.id, "not paid in time");
            self.metrics.changed(&expired);
        }
        self.metrics.oldest_pending(self.store.oldest_pending().await?);
        Ok(())
    }

    async fn forget_latecomers(&self) -> Result<(), Error> {
        let orders = self.store.forget_latecomers().await?;
        if orders > 0 {
            tracing::info!(orders, "forgotten, of people who are gone");
        }
        Ok(())
    }
}
