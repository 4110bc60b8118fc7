//! Looks at the processor time of processes again and again, to know afterwards what they had in any stretch of time.

use std::{
    collections::HashMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{figures::Figures, processes};

const BETWEEN_LOOKS: Duration = Duration::from_millis(100);

/// What PostgreSQL does for nobody in particular: its log, its checkpoints, its vacuum.
pub const POSTGRES_ITSELF: &str = "PostgreSQL itself";

/// What else runs on this machine.
pub const OTHERS: &str = "others";

/// A process that is looked at, and what it is called.
pub struct Watched {
    pub name: String,
    pub id: u32,
}

pub struct Meter {
    stop: CancellationToken,
    looking: JoinHandle<anyhow::Result<Vec<Look>>>,
}

/// What each had of the processors so far, in seconds.
struct Look {
    /// Seconds of the clock on the wall.
    at: f64,
    seconds: Figures,
}

/// What was seen.
pub struct Record(Vec<Look>);

impl Meter {
    /// `postgres` is the one that all others of its server are children of.
    pub fn start(watched: Vec<Watched>, postgres: u32) -> Self {
        let stop = CancellationToken::new();
        let looking = tokio::spawn(look_until(stop.clone(), Counters::new(watched, postgres)));
        Self { stop, looking }
    }

    pub async fn stop(self) -> anyhow::Result<Record> {
        self.stop.cancel();
        Ok(Record(self.looking.await??))
    }
}

/// A name for what a database's connections cost.
pub fn of_database(database: &str) -> String {
    format!("PostgreSQL for {database}")
}

async fn look_until(stop: CancellationToken, mut counters: Counters) -> anyhow::Result<Vec<Look>> {
    let (mut looks, mut ticks) = (Vec::new(), interval(BETWEEN_LOOKS));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.push(counters.look()?);
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            looks.push(counters.look()?);
            return Ok(looks);
        }
    }
}

struct Counters {
    watched: Vec<Watched>,
    postgres: u32,
    /// What each process had when it was looked at last. One that has come since had nothing.
    last: HashMap<u32, f64>,
    busy: Option<f64>,
    seconds: Figures,
}

impl Counters {
    fn new(watched: Vec<Watched>, postgres: u32) -> Self {
        Self { watched, postgres, last: HashMap::new(), busy: None, seconds: Figures::new() }
    }

    fn look(&mut self) -> anyhow::Result<Look> {
        let is_first = self.busy.is_none();
        let mut all: Vec<_> = self.watched.iter().map(|it| (it.name.clone(), it.id)).collect();
        let backends = processes::children(self.postgres);
        all.extend(backends.into_iter().map(|id| (role(&processes::title(id)), id)));
        all.push((POSTGRES_ITSELF.to_owned(), self.postgres));
        let mut ours = 0.0;
        for (name, id) in all {
            // One that has ended had a tenth of a second, at most, that nobody saw.
            let Some(now) = processes::processor_time(id) else { continue };
            let spent = now - self.last.insert(id, now).unwrap_or(if is_first { now } else { 0.0 });
            *self.seconds.entry(name).or_default() += spent;
            ours += spent;
        }
        let busy = processes::busy()?;
        let spent = busy - self.busy.replace(busy).unwrap_or(busy);
        *self.seconds.entry(OTHERS.to_owned()).or_default() += spent - ours;
        let at = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is right")?.as_secs_f64();
        Ok(Look { at, seconds: self.seconds.clone() })
    }
}

/// A connection's process is called `postgres: USER DATABASE ADDRESS …`.
fn role(title: &str) -> String {
    let words: Vec<_> = title.split_whitespace().collect();
    match words[..] {
        ["postgres:", _, database, address, ..] if address.contains('(') => of_database(database),
        _ => POSTGRES_ITSELF.to_owned(),
    }
}

impl Record {
    /// Seconds of a processor by name, between two times of the clock on the wall.
    pub fn between(&self, from: f64, to: f64) -> Figures {
        let names = self.0.last().map(|last| last.seconds.keys()).into_iter().flatten();
        names.map(|name| (name.clone(), self.until(name, to) - self.until(name, from))).collect()
    }

    /// Between two looks it is taken to have gone on evenly.
    fn until(&self, name: &str, time: f64) -> f64 {
        let seconds = |look: &Look| look.seconds.get(name).copied().unwrap_or(0.0);
        let next = self.0.partition_point(|look| look.at < time);
        match (next.checked_sub(1).and_then(|index| self.0.get(index)), self.0.get(next)) {
            (Some(one), Some(other)) => {
                let share = (time - one.at) / (other.at - one.at).max(f64::EPSILON);
                seconds(one) + share * (seconds(other) - seconds(one))
            }
            (Some(only), None) | (None, Some(only)) => seconds(only),
            (None, None) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stretch_of_time_cost_is_what_was_added_in_it() {
        let look = |at: f64, seconds: f64| Look { at, seconds: Figures::from([("orders".to_owned(), seconds)]) };
        let record = Record(vec![look(10.0, 0.0), look(11.0, 0.5), look(13.0, 2.5)]);
        assert_eq!(record.between(10.5, 12.0)["orders"], 1.25);
        assert_eq!(record.between(0.0, 99.0)["orders"], 2.5);
    }

    #[test]
    fn a_connection_is_told_by_its_database() {
        assert_eq!(role("postgres: orders orders 127.0.0.1(40000) idle"), "PostgreSQL for orders");
        assert_eq!(role("postgres: autovacuum worker orders"), POSTGRES_ITSELF);
        assert_eq!(role("postgres: walwriter "), POSTGRES_ITSELF);
    }

    #[tokio::test]
    async fn this_process_is_seen_to_work() {
        let id = std::process::id();
        let meter = Meter::start(vec![Watched { name: "this".to_owned(), id }], 0);
        let before = processes::processor_time(id).unwrap();
        while processes::processor_time(id).unwrap() < before + 0.05 {
            tokio::task::yield_now().await;
        }
        let record = meter.stop().await.unwrap();
        assert!(record.between(0.0, f64::MAX)["this"] >= 0.04);
    }
}
