//! Load: customers who keep the shop busy, and a record of what each of their requests came to.

mod balancer;
mod clientele;
mod outcomes;
mod request;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    select,
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

pub use self::{
    balancer::Answer,
    clientele::{Clientele, Customer},
    outcomes::{Kind, Outcome, Outcomes},
    request::{ACCOUNTS, ACCOUNTS_ONLY, LOOKING, Mix, ORDERING, PASSWORD, Request, SHOPPING, new_email},
};
use crate::patience::until;

/// How many requests are sent.
#[derive(Clone, Copy)]
pub enum Pace {
    /// So many at a time: each worker sends its next request when it has the answer to the last.
    Workers(usize),
    /// So many in each second, answered or not; what a request waits for its turn counts as its latency.
    PerSecond(u32),
}

/// Some hundred requests take a second or two; a busy machine may take its time.
const END_WITHIN: Duration = Duration::from_secs(100);

/// Requests that go on until they are stopped.
pub struct Load {
    source: Source,
    enough: CancellationToken,
    senders: JoinSet<()>,
}

/// What the senders share.
#[derive(Clone)]
struct Source {
    clientele: Arc<Clientele>,
    mix: Mix,
    sent: Arc<AtomicUsize>,
    record: Arc<Mutex<Vec<Outcome>>>,
}

impl Load {
    pub fn start(clientele: &Arc<Clientele>, mix: Mix, pace: Pace) -> Self {
        let source = Source { clientele: clientele.clone(), mix, sent: Arc::default(), record: Arc::default() };
        let (enough, mut senders) = (CancellationToken::new(), JoinSet::new());
        match pace {
            Pace::Workers(workers) => {
                for _ in 0..workers {
                    senders.spawn(source.clone().send_in_turn(enough.clone()));
                }
            }
            Pace::PerSecond(rate) => {
                senders.spawn(source.clone().send_on_time(rate, enough.clone()));
            }
        }
        Self { source, enough, senders }
    }

    /// How many requests have come to an end.
    pub fn ended(&self) -> usize {
        self.source.record().len()
    }

    /// Waits until so many requests more have come to an end.
    pub async fn end_more(&self, requests: usize) -> anyhow::Result<()> {
        let enough = self.ended() + requests;
        let what = format!("{requests} requests more come to an end");
        until(&what, END_WITHIN, async || self.ended() >= enough).await?;
        Ok(())
    }

    /// Sends nothing more, waits for the last answers, and tells what every request came to.
    pub async fn stop(mut self) -> anyhow::Result<Outcomes> {
        self.enough.cancel();
        while let Some(ended) = self.senders.join_next().await {
            ended?;
        }
        let record = std::mem::take(&mut *self.source.record());
        Ok(Outcomes::new(record))
    }
}

impl Source {
    async fn send_in_turn(self, enough: CancellationToken) {
        while !enough.is_cancelled() {
            self.send_one(Instant::now()).await;
        }
    }

    async fn send_on_time(self, rate: u32, enough: CancellationToken) {
        let mut turns = interval(Duration::from_secs(1) / rate);
        // A turn that comes late still is the time that its request was meant for.
        turns.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut requests = JoinSet::new();
        loop {
            let meant_for = select! {
                turn = turns.tick() => turn,
                () = enough.cancelled() => break,
            };
            let source = self.clone();
            requests.spawn(async move { source.send_one(meant_for).await });
            while requests.try_join_next().is_some() {}
        }
        requests.join_all().await;
    }

    async fn send_one(&self, meant_for: Instant) {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let request = self.clientele.request(self.mix, number);
        let outcome = self.clientele.send(&request, meant_for).await;
        self.record().push(outcome);
    }

    fn record(&self) -> std::sync::MutexGuard<'_, Vec<Outcome>> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
