//! A payment provider, simulated: an outside party, with books of its own and troubles of its own. It decides from what
//! it is told and from its ledger only.

mod config;
mod ledger;

use std::time::Duration;

use database::Pool;
use thiserror::Error;
use tokio::time::sleep;
use uuid::Uuid;

pub use self::config::Config;
use self::ledger::{Answered, Attempt, Ledger};

/// One for each request that a merchant makes at once.
const CONNECTIONS: u32 = 8;

/// What is to be charged.
pub struct Charge {
    /// The merchant's own word for it.
    pub reference: Uuid,
    /// In minor units.
    pub amount: i64,
    pub currency: String,
}

/// How a key stands in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Captured,
    Declined,
    Refunded,
    /// Cancelled before it was charged: it never will be.
    Blocked,
}

/// What the merchant sees of a failure.
#[derive(Clone, Copy, Debug, Error)]
pub enum Failure {
    #[error("failed")]
    Failed,
    /// It was decided, but the answer did not arrive.
    #[error("lost")]
    Lost,
}

#[derive(Clone)]
pub struct Simulated {
    config: Config,
    ledger: Ledger,
}

impl Simulated {
    /// Over connections of its own.
    pub async fn open(config: &Config, database: &database::Config) -> anyhow::Result<Self> {
        let most = database.database_max_connections.min(CONNECTIONS);
        let pool: Pool =
            database::connect(&database::Config { database_max_connections: most, ..database.clone() }).await?;
        Ok(Self { config: config.clone(), ledger: Ledger::new(pool) })
    }

    /// Charges what it has not yet decided on by this key; otherwise says how the key stands.
    pub async fn charge(&self, key: Uuid, charge: &Charge) -> Result<Standing, Failure> {
        let answered = self.arrive(key, Attempt::Charge).await?;
        let verdict = self.verdict(charge);
        let standing = self.ledger.charge(key, charge, verdict, answered).await.map_err(|_| Failure::Failed)?;
        self.answer(standing, answered).await
    }

    /// Gives back what was charged by this key; what was not, never will be.
    pub async fn cancel(&self, key: Uuid) -> Result<Standing, Failure> {
        let answered = self.arrive(key, Attempt::Cancel).await?;
        let standing = self.ledger.cancel(key, answered).await.map_err(|_| Failure::Failed)?;
        self.answer(standing, answered).await
    }

    /// Ends its connections.
    pub async fn close(&self) {
        self.ledger.close().await;
    }

    /// The way here, on which half of the failures happen; whether the answer will get back is known already.
    async fn arrive(&self, key: Uuid, attempt: Attempt) -> Result<Answered, Failure> {
        sleep(self.one_way()).await;
        let fate = fastrand::f64();
        if fate >= self.config.provider_failure_rate {
            return Ok(Answered::Yes);
        }
        if fate >= self.config.provider_failure_rate / 2.0 {
            return Ok(Answered::Lost);
        }
        // Who has no ledger now has failed all the more.
        let _ = self.ledger.failed(key, attempt).await;
        Err(Failure::Failed)
    }

    async fn answer(&self, standing: Standing, answered: Answered) -> Result<Standing, Failure> {
        sleep(self.one_way()).await;
        match answered {
            Answered::Yes => Ok(standing),
            Answered::Lost => Err(Failure::Lost),
        }
    }

    fn one_way(&self) -> Duration {
        Duration::from_millis(self.config.provider_latency_ms) / 2
    }

    fn verdict(&self, charge: &Charge) -> Standing {
        let too_much = charge.amount > self.config.provider_max_amount;
        match too_much || fastrand::f64() < self.config.provider_decline_rate {
            true => Standing::Declined,
            false => Standing::Captured,
        }
    }
}
