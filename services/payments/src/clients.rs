//! The payment provider, in this service's own words: a real one would go here.

use std::{sync::Arc, time::Duration};

use opentelemetry::{
    Context, KeyValue,
    trace::{FutureExt, SpanKind},
};
use telemetry::{CALL_SECONDS, Operation, Operations};
use thiserror::Error;
use tokio::time::timeout;

use crate::{
    domain::{News, Payment},
    provider::{self, Charge, Simulated, Standing},
};

/// Shorter than the lease of a payment, so that two are not usually asked for it at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why nobody knows what the provider has done; asking again by the same key tells.
#[derive(Clone, Copy, Debug, Error)]
pub enum Unanswered {
    #[error("the provider failed")]
    Failed,
    #[error("the provider's answer was lost")]
    Lost,
}

#[derive(Clone)]
pub struct Provider {
    provider: Simulated,
    charges: Arc<Operations>,
    refunds: Arc<Operations>,
}

impl Provider {
    pub fn new(provider: Simulated) -> Self {
        let operations = |metric| Arc::new(Operations::new("payments", SpanKind::Client, metric, CALL_SECONDS));
        let (charges, refunds) = (operations("payments.charge.duration"), operations("payments.refund.duration"));
        Self { provider, charges, refunds }
    }

    /// Charges it, once, however often this is asked.
    pub async fn charge(&self, payment: &Payment) -> Result<News, Unanswered> {
        let charge = Charge {
            reference: payment.order_id.0,
            amount: payment.amount.amount(),
            currency: payment.amount.currency().as_str().to_owned(),
        };
        let operation = begin(&self.charges, "charge", payment);
        let asking = self.provider.charge(payment.id.0, &charge).with_context(operation.context().clone());
        tell(operation, timeout(PATIENCE, asking).await.unwrap_or(Err(provider::Failure::Lost)))
    }

    /// Gives back what was charged, or sees to it that nothing ever is.
    pub async fn cancel(&self, payment: &Payment) -> Result<News, Unanswered> {
        let operation = begin(&self.refunds, "refund", payment);
        let asking = self.provider.cancel(payment.id.0).with_context(operation.context().clone());
        tell(operation, timeout(PATIENCE, asking).await.unwrap_or(Err(provider::Failure::Lost)))
    }
}

fn begin(operations: &Operations, name: &'static str, payment: &Payment) -> Operation {
    let operation = operations.begin(name, &Context::current(), Vec::new());
    let (id, attempts) = (payment.id.to_string(), i64::from(payment.attempts));
    operation.describe(|| [KeyValue::new("payment.id", id), KeyValue::new("payment.attempts", attempts)]);
    operation
}

fn tell(operation: Operation, answer: Result<Standing, provider::Failure>) -> Result<News, Unanswered> {
    let outcome = |outcome: &'static str| Some(KeyValue::new("outcome", outcome));
    let (news, word) = match answer {
        Ok(Standing::Captured) => (News::Captured, "captured"),
        Ok(Standing::Declined) => (News::Declined, "declined"),
        Ok(Standing::Refunded) => (News::Refunded, "refunded"),
        Ok(Standing::Blocked) => (News::Voided, "voided"),
        Err(provider::Failure::Failed) => {
            operation.fail(outcome("failed"), "failed");
            return Err(Unanswered::Failed);
        }
        Err(provider::Failure::Lost) => {
            operation.fail(outcome("lost"), "lost");
            return Err(Unanswered::Lost);
        }
    };
    operation.succeed(outcome(word));
    Ok(news)
}
