//! The relay: publishes what is in an outbox, in batches, and never within a transaction.

mod sending;

use std::{mem, pin::pin, time::Duration};

use database::Horizon;
use tokio::{select, time::sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use self::sending::{Batch, Sending};
use crate::{
    Bus, Envelope, Outbox, PublishError,
    backoff::Backoff,
    outbox::leases::{LEASE, Leases},
};

/// So long it publishes what is left when the process ends.
const LAST_LOOK: Duration = Duration::from_secs(2);

/// So long it tries to give back what it has leased when the process ends.
const GIVING_BACK: Duration = Duration::from_secs(1);

/// An event that alone could not be published waits for so long.
const AFTER_AWAY: Duration = Duration::from_secs(1);

pub(crate) struct Relay {
    outbox: Outbox,
    bus: Bus,
    leases: Leases,
    horizon: Horizon<i64>,
    sending: Sending,
    backoff: Backoff,
    is_away: bool,
    /// Leased, and not published as far as is known.
    leased: Vec<Uuid>,
    /// Published, and not yet marked.
    published: Vec<Uuid>,
}

/// What the relay needs is not there.
#[derive(Debug, thiserror::Error)]
enum Away {
    #[error("the bus is away: {0}")]
    Bus(String),
    #[error("the database is away")]
    Database(#[from] sqlx::Error),
}

impl Relay {
    pub fn new(outbox: &Outbox, bus: Bus) -> Self {
        Self {
            leases: Leases::new(outbox.service(), outbox.pool()),
            horizon: Horizon::new(),
            sending: Sending::new(),
            outbox: outbox.clone(),
            bus,
            backoff: Backoff::default(),
            is_away: false,
            leased: Vec::new(),
            published: Vec::new(),
        }
    }

    pub async fn run(mut self, shutdown: &CancellationToken) {
        let time_is_over = async {
            shutdown.cancelled().await;
            sleep(LAST_LOOK).await;
        };
        select! {
            () = self.work(shutdown) => {}
            () = time_is_over => {}
        }
        // What cannot be given back now is free when its lease ends.
        let _ = tokio::time::timeout(GIVING_BACK, self.settle(Duration::ZERO)).await;
    }

    async fn work(&mut self, shutdown: &CancellationToken) {
        loop {
            // Asked before the look: what was written by then is seen.
            let is_last = shutdown.is_cancelled();
            let outcome = self.publish_some().await;
            if is_last && !matches!(outcome, Ok(1..)) {
                return;
            }
            match outcome {
                // A subject's next event waits for the one before.
                Ok(1..) => {}
                Ok(0) => self.rest(shutdown).await,
                Err(away) => self.back_off(&away, shutdown).await,
            }
        }
    }

    /// Whoever writes in the same process wakes it; what others have written it sees by itself.
    async fn rest(&self, shutdown: &CancellationToken) {
        select! {
            () = self.outbox.written() => {}
            () = self.horizon.all_is_due() => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn back_off(&mut self, away: &Away, shutdown: &CancellationToken) {
        if !mem::replace(&mut self.is_away, true) {
            let service = self.outbox.service();
            tracing::warn!(service, error = telemetry::chain(away), "events wait in the outbox");
        }
        shutdown.run_until_cancelled(sleep(self.backoff.next())).await;
    }

    fn is_there(&mut self) {
        self.backoff.reset();
        if mem::take(&mut self.is_away) {
            tracing::info!(service = self.outbox.service(), "events are published again");
        }
    }

    /// Publishes the first that wait; returns how many there were.
    async fn publish_some(&mut self) -> Result<usize, Away> {
        // What is left of a time when the database was away.
        self.settle(Duration::ZERO).await?;
        let envelopes = self.leases.take(&mut self.horizon).await?;
        if envelopes.is_empty() {
            return Ok(0);
        }
        self.leased = envelopes.iter().map(|envelope| envelope.id).collect();
        let (batch, envelopes) = self.sending.begin(envelopes);
        let answers = self.answers(envelopes).await;
        self.conclude(batch, answers).await
    }

    /// Publishes these, and keeps their leases meanwhile.
    async fn answers(&self, envelopes: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        let mut publishing = pin!(self.bus.publish(envelopes));
        loop {
            select! {
                answers = &mut publishing => return answers,
                () = sleep(LEASE / 3) => {
                    // If it fails somebody else may publish them too, which the bus and the inboxes are prepared for.
                    let _ = self.leases.renew(&self.leased).await;
                }
            }
        }
    }

    async fn conclude(&mut self, batch: Batch, answers: Vec<Result<(), PublishError>>) -> Result<usize, Away> {
        let count = answers.len();
        let (mut away, mut refused) = (None, Vec::new());
        self.leased.clear();
        for (event, answer) in batch.end(answers) {
            match answer {
                Ok(()) => self.published.push(event.id),
                Err(PublishError::Refused(reason)) => refused.push((event, reason)),
                Err(PublishError::Away(reason)) => {
                    self.leased.push(event.id);
                    away = Some(reason);
                }
            }
        }
        let all_are_away = self.leased.len() == count;
        self.settle(if all_are_away { Duration::ZERO } else { AFTER_AWAY }).await?;
        for (event, reason) in refused {
            if self.leases.refused(event.id, &reason).await? {
                let (kind, subject) = (&event.kind, event.subject);
                tracing::error!(id = %event.id, kind, %subject, reason, "an event is refused, and its subject waits");
            }
        }
        match away.filter(|_| all_are_away) {
            Some(reason) => Err(Away::Bus(reason)),
            None => {
                self.is_there();
                Ok(count)
            }
        }
    }

    /// Marks what was published, and gives back what was not, to be taken after `pause`.
    async fn settle(&mut self, pause: Duration) -> Result<(), sqlx::Error> {
        if !self.published.is_empty() {
            self.leases.published(&self.published).await?;
            self.published.clear();
        }
        if !self.leased.is_empty() {
            self.leases.hold(&self.leased, pause).await?;
            self.leased.clear();
        }
        Ok(())
    }
}
