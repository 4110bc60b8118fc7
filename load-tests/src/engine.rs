//! The engine: begins iterations when they are due, or when one before has ended, and counts each from when it was due.

mod arrivals;

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use futures::future::join_all;
use tokio::{
    select,
    signal::ctrl_c,
    sync::Semaphore,
    task::JoinSet,
    time::{sleep_until, timeout},
};

use crate::{customers::Customers, options::Options, recorder::Recorder, scenarios::Scenario, shop::Failure};

/// What is under way at the end has so long.
const LAST_ORDERS: Duration = Duration::from_secs(20);

/// When iterations begin.
#[derive(Clone, Copy)]
pub enum Model {
    /// So many in a second, whatever becomes of them.
    Open(f64),
    /// So many at a time.
    Closed(NonZeroUsize),
}

pub struct Plan {
    pub model: Model,
    pub warm_up: Duration,
    pub duration: Duration,
    max_in_flight: usize,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Complete,
    Interrupted,
}

impl Plan {
    pub fn of(options: &Options) -> Self {
        Self {
            model: options.closed.map_or(Model::Open(options.rate), Model::Closed),
            warm_up: options.warm_up,
            duration: options.duration,
            max_in_flight: options.max_in_flight.get(),
        }
    }

    fn end(&self, began: Instant) -> Instant {
        began + self.warm_up + self.duration
    }
}

/// Runs until the time is over, or somebody interrupts it.
pub async fn run(plan: &Plan, scenario: Scenario, customers: Arc<Customers>, recorder: &Arc<Recorder>) -> End {
    let work = Work { scenario, customers, recorder: recorder.clone() };
    let began = recorder.begin();
    let end = match plan.model {
        Model::Open(rate) => open(plan, rate, began, &work).await,
        Model::Closed(at_a_time) => closed(plan.end(began), at_a_time, &work).await,
    };
    recorder.end();
    end
}

#[derive(Clone)]
struct Work {
    scenario: Scenario,
    customers: Arc<Customers>,
    recorder: Arc<Recorder>,
}

impl Work {
    async fn iterate(self, number: usize, due: Instant) {
        let outcome = self.scenario.iterate(self.customers.number(number), number).await;
        self.recorder.iteration(due, outcome);
    }
}

async fn open(plan: &Plan, rate: f64, began: Instant, work: &Work) -> End {
    let mut arrivals = arrivals::at(rate, began, plan.end(began));
    let room = Arc::new(Semaphore::new(plan.max_in_flight));
    let mut under_way = JoinSet::new();
    let mut number = 0;
    let end = loop {
        let due = select! {
            due = arrivals.recv() => due,
            _ = ctrl_c() => break End::Interrupted,
            Some(_) = under_way.join_next() => continue,
        };
        let Some(due) = due else { break End::Complete };
        match room.clone().try_acquire_owned() {
            Ok(place) => {
                let iteration = work.clone().iterate(number, due);
                under_way.spawn(async move {
                    iteration.await;
                    drop(place);
                });
            }
            Err(_) => work.recorder.iteration(due, Err(Failure::no_room())),
        }
        number += 1;
    };
    let _ = timeout(LAST_ORDERS, async { while under_way.join_next().await.is_some() {} }).await;
    for _ in 0..under_way.len() {
        work.recorder.iteration(Instant::now() - LAST_ORDERS, Err(Failure::never_ended()));
    }
    end
}

async fn closed(end: Instant, at_a_time: NonZeroUsize, work: &Work) -> End {
    // Counted by all together: whoever is quicker would make more of the iterations that are its own.
    let next = Arc::<AtomicUsize>::default();
    let loops = (0..at_a_time.get()).map(|_| {
        let (work, next) = (work.clone(), next.clone());
        tokio::spawn(async move {
            while Instant::now() < end {
                let number = next.fetch_add(1, Relaxed);
                work.clone().iterate(number, Instant::now()).await;
            }
        })
    });
    let mut loops: Vec<_> = loops.collect();
    let ended = select! {
        _ = join_all(&mut loops) => End::Complete,
        () = sleep_until((end + LAST_ORDERS).into()) => End::Complete,
        _ = ctrl_c() => End::Interrupted,
    };
    for unfinished in loops {
        unfinished.abort();
    }
    ended
}
