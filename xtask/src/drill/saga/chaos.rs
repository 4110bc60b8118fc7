//! Who is killed when: everybody, again and again, in an order and at moments that nobody can know.

use std::{fmt, time::Duration};

use fastrand::Rng;
use tokio_util::sync::CancellationToken;

use super::wait_for_up_to;
use crate::{cluster::Cluster, patience::until};

/// How long everybody is there, and somebody is not, at most.
const BETWEEN: Duration = Duration::from_millis(1500);
const AWAY: Duration = Duration::from_millis(2000);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Orders,
    Payments,
    Nats,
    Postgres,
}

/// How many orders are to be acknowledged before the next is killed, or this time has to pass: otherwise a slow machine
/// would be busy with getting up, and nothing else.
const SERVED: usize = 15;
const SERVED_WITHIN: Duration = Duration::from_secs(10);

const VICTIMS: [Victim; 4] = [Victim::Orders, Victim::Payments, Victim::Nats, Victim::Postgres];

/// What was done.
#[derive(Default)]
pub struct Chaos {
    killed: Vec<Victim>,
    /// Who could not be ready without somebody who was away.
    pub ended: usize,
}

impl Chaos {
    /// Kills somebody, until it is enough. Returns when everybody is back.
    pub async fn reign(
        cluster: &mut Cluster,
        rng: &mut Rng,
        served: impl Fn() -> usize,
        enough: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let mut chaos = Self::default();
        while !enough.is_cancelled() {
            // Everybody has a turn before anybody has another.
            let mut victims = VICTIMS;
            rng.shuffle(&mut victims);
            for victim in victims {
                wait_for_up_to(rng, BETWEEN).await;
                let before = served();
                chaos.strike(cluster, rng, victim).await?;
                let goes_on = async || served() >= before + SERVED || enough.is_cancelled();
                // Whoever is still not served by then may have to do without somebody else besides.
                let _ = until("customers are served", SERVED_WITHIN, goes_on).await;
            }
        }
        for instance in cluster.orders.iter_mut().chain(&mut cluster.payments) {
            chaos.ended += instance.ready_at_last().await?;
        }
        Ok(chaos)
    }

    /// Nobody is waited for until he is ready: the next may be killed before.
    async fn strike(&mut self, cluster: &mut Cluster, rng: &mut Rng, victim: Victim) -> anyhow::Result<()> {
        self.killed.push(victim);
        match victim {
            Victim::Orders | Victim::Payments => {
                let instances = if victim == Victim::Orders { &mut cluster.orders } else { &mut cluster.payments };
                let instance = &mut instances[rng.usize(..2)];
                instance.kill().await?;
                wait_for_up_to(rng, AWAY).await;
                instance.start()
            }
            Victim::Nats => {
                cluster.nats.kill().await?;
                wait_for_up_to(rng, AWAY).await;
                cluster.nats.start().await
            }
            Victim::Postgres => {
                cluster.postgres.kill().await?;
                wait_for_up_to(rng, AWAY).await;
                cluster.postgres.start_again().await
            }
        }
    }

    pub fn reached_everybody(&self) -> bool {
        VICTIMS.iter().all(|victim| self.killed.contains(victim))
    }
}

impl fmt::Display for Chaos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = |victim: &Victim| self.killed.iter().filter(|killed| *killed == victim).count();
        let times: Vec<_> = VICTIMS.iter().map(|victim| format!("{victim:?} {}", times(victim))).collect();
        f.write_str(&times.join(", "))
    }
}
