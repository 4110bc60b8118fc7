//! What the payments service does.

use std::{sync::Arc, time::Duration};

use database::Transaction;
use tokio::sync::Notify;

use crate::{
    clients::Provider,
    domain::{Money, OrderId, Payment, Task},
    error::Error,
    metrics::Metrics,
    store::Store,
};

/// Between the first tries of a payment and at most between any, before the jitter.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub provider: Provider,
    pub metrics: Metrics,
    /// Wakes the charger.
    pub due: Arc<Notify>,
}

impl App {
    /// The order is to be paid, unless it was called off before anybody heard of it.
    pub async fn authorize(
        &self,
        transaction: &mut Transaction,
        order_id: OrderId,
        amount: Money,
    ) -> Result<(), Error> {
        self.store.authorize(transaction, order_id, amount).await
    }

    /// The order is not to be paid after all. What may have been charged is given back.
    pub async fn call_off(&self, transaction: &mut Transaction, order_id: OrderId) -> Result<(), Error> {
        self.store.call_off(transaction, order_id).await
    }

    /// Asks the provider for what is left to be done, outside of any transaction, and writes down what comes of it.
    /// Returns when the payment is due again, if it is.
    pub async fn pursue(&self, payment: &Payment) -> Result<Option<Duration>, Error> {
        let answer = match payment.status.task() {
            Some(Task::Charge) => self.provider.charge(payment).await,
            Some(Task::Cancel) => self.provider.cancel(payment).await,
            None => return Ok(None),
        };
        match answer {
            Ok(news) => {
                let settled = self.store.settle(payment, news).await?;
                settled.inspect(|status| self.metrics.changed(*status));
                Ok(settled.and_then(|status| status.task()).map(|_| Duration::ZERO))
            }
            Err(error) => {
                let pause = pause(payment.attempts);
                tracing::warn!(payment = %payment.id, attempts = payment.attempts, %error, "the provider is asked again");
                self.store.put_off(payment, pause).await?;
                Ok(Some(pause))
            }
        }
    }
}

/// Doubles with each attempt; with jitter, so that many payments do not come back at once.
fn pause(attempts: i32) -> Duration {
    let (first, longest) = PAUSES;
    let doubled = attempts.clamp(1, 16).unsigned_abs() - 1;
    let pause = first.saturating_mul(1 << doubled).min(longest);
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_five_seconds() {
        for (attempts, longest_ms) in [(1, 100), (2, 200), (3, 400), (6, 3200), (7, 5000), (i32::MAX, 5000)] {
            let longest = Duration::from_millis(longest_ms);
            let pause = pause(attempts);
            assert!((longest / 2..=longest).contains(&pause), "{attempts}: {pause:?}");
        }
    }
}
