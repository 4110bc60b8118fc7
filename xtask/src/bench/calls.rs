//! What a call costs: what clients see, the processor time of each process, and memory afterwards.

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{
    Options,
    builds::Build,
    load::{Load, Pace, Seen},
    meter::{Meter, OTHERS, POSTGRES_ITSELF, Watched, of_database},
    shop::Shop,
};
use crate::{
    cluster::DATABASES,
    figures::{Figures, Rounds},
    processes,
    programs::NAMES,
};

mod tables;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Call {
    /// Get one's account
    GetUser,
    /// Get an order of three lines
    GetOrder,
    /// List 20 of one's orders
    ListOrders,
    /// Place an order of three lines
    PlaceOrder,
}

impl Call {
    /// Of the load's scenario.
    fn scenario(self) -> &'static str {
        match self {
            Self::GetUser => "get-user",
            Self::GetOrder => "get-order",
            Self::ListOrders => "list-orders",
            Self::PlaceOrder => "place-order",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::GetUser => "GET user",
            Self::GetOrder => "GET order of 3 lines",
            Self::ListOrders => "list 20 orders",
            Self::PlaceOrder => "place an order of 3 lines",
        }
    }
}

/// Names of figures.
const RATE: &str = "requests/s";
const LATENCIES: [&str; 3] = ["p50 ms", "p99 ms", "p99.9 ms"];
const FAILED: &str = "failed";
/// Of the services in the path of a call, and of those that work for it meanwhile: payments.
const ALL_SERVICES: &str = "gateway and services";
const POSTGRES: &str = "PostgreSQL";
const BACKLOG: &str = "settled after s";
const LOAD: &str = "load";

/// Everything of one build.
pub struct Measured<'a> {
    build: &'a Build,
    calls: Vec<(Call, Rounds)>,
}

pub async fn run(options: &Options, builds: &[Build], shop: &mut Shop<'_>) -> anyhow::Result<Value> {
    let calls: Vec<_> = options.call.map_or_else(|| Call::value_variants().to_vec(), |call| vec![call]);
    let fresh = || calls.iter().map(|call| (*call, Rounds::default())).collect();
    let mut measured: Vec<_> = builds.iter().map(|build| Measured { build, calls: fresh() }).collect();
    for round in 0..options.rounds.get() as usize {
        for (index, call) in calls.iter().enumerate() {
            // A B, B A, A B: neither is always the first, since a machine is not always as fast.
            let turn = round + index;
            for number in (0..builds.len()).map(|number| (turn + number) % builds.len()) {
                if builds.len() > 1 {
                    shop.change_to(&builds[number]).await?;
                }
                let figures = measure(options, shop, *call).await?;
                println!("round {}, {}, {}: {}", round + 1, builds[number], call.title(), tables::brief(&figures));
                measured[number].calls[index].1.add(figures);
            }
        }
    }
    tables::print(options, &measured);
    Ok(json!(measured.iter().map(Measured::json).collect::<Vec<_>>()))
}

impl Measured<'_> {
    fn json(&self) -> Value {
        let calls = self.calls.iter().map(|(call, rounds)| (call.scenario().to_owned(), rounds.json()));
        json!({ "build": self.build.to_string(), "calls": calls.collect::<serde_json::Map<_, _>>() })
    }
}

async fn measure(options: &Options, shop: &Shop<'_>, call: Call) -> anyhow::Result<Figures> {
    let load = Load::start(&options.load, shop, call.scenario(), Pace::AsFastAsItGoes)?;
    let mut watched = shop.processes()?;
    watched.push(Watched { name: LOAD.to_owned(), id: load.id()? });
    let meter = Meter::start(watched, shop.cluster.postgres.id()?);
    let seen = load.end().await?;
    let record = meter.stop().await?;
    let mut figures = costs(record.between(seen.from, seen.to), seen.requests);
    see(&mut figures, &seen);
    figures.insert(BACKLOG.to_owned(), shop.quiet().await?.as_secs_f64());
    for service in shop.services()? {
        if let Some([now, most]) = processes::memory(service.id) {
            figures.extend([(memory(&service.name), now), (most_memory(&service.name), most)]);
        }
    }
    Ok(figures)
}

/// Microseconds of a request.
fn costs(seconds: Figures, requests: f64) -> Figures {
    let mut costs: Figures = seconds.into_iter().map(|(name, seconds)| (name, seconds * 1e6 / requests)).collect();
    let sum = |names: &[String]| names.iter().filter_map(|name| costs.get(name)).sum::<f64>();
    let services = sum(&NAMES.map(str::to_owned));
    let postgres = sum(&DATABASES.map(of_database)) + sum(&[POSTGRES_ITSELF.to_owned()]);
    costs.extend([(ALL_SERVICES.to_owned(), services), (POSTGRES.to_owned(), postgres)]);
    costs
}

fn see(figures: &mut Figures, seen: &Seen) {
    figures.extend([(RATE.to_owned(), seen.rate), (FAILED.to_owned(), seen.failed)]);
    figures.extend(LATENCIES.map(str::to_owned).into_iter().zip(seen.latencies));
}

fn memory(service: &str) -> String {
    format!("{service} MiB")
}

fn most_memory(service: &str) -> String {
    format!("{service} MiB at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_leave_out_what_is_not_theirs() {
        let seconds =
            [("gateway", 0.1), ("users", 0.2), ("payments", 0.3), (LOAD, 9.0), (OTHERS, 9.0), (POSTGRES_ITSELF, 1.0)];
        let mut seconds: Figures = seconds.map(|(name, seconds)| (name.to_owned(), seconds)).into();
        seconds.insert(of_database("orders"), 2.0);
        let costs = costs(seconds, 1000.0);
        assert_eq!((costs[ALL_SERVICES].round(), costs[POSTGRES].round()), (600.0, 3000.0));
        assert_eq!(costs["users"].round(), 200.0);
    }
}
