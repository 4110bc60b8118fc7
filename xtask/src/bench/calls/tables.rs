//! What was measured of calls, as tables.

use super::{
    ALL_SERVICES, BACKLOG, Call, FAILED, LATENCIES, LOAD, Measured, OTHERS, Options, POSTGRES, POSTGRES_ITSELF, RATE,
    memory, most_memory,
};
use crate::{
    bench::{load, meter::of_database, table::Table},
    cluster::DATABASES,
    figures::{Figures, Rounds},
    programs::NAMES,
};

/// For whoever waits.
pub fn brief(figures: &Figures) -> String {
    let figure = |name: &str| figures.get(name).copied().unwrap_or(f64::NAN);
    format!("{:.0} requests/s, gateway and services {:.0} µs", figure(RATE), figure(ALL_SERVICES))
}

pub fn print(options: &Options, measured: &[Measured]) {
    let (rounds, load::Options { seconds, warm_up, connections, customers }) = (options.rounds, &options.load);
    println!(
        "\nEach call by {customers} customers on {connections} connections, {seconds} s after {warm_up} s of warming up;\n\
         medians of {rounds} rounds (least–greatest)."
    );
    for build in measured {
        let name = build.build;
        println!("\n### {name}: what clients see\n\n{}", seen(build));
        println!("### {name}: processor time of a request, µs\n\n{}", services(build));
        println!("### {name}: processor time of a request elsewhere, µs\n\n{}", elsewhere(build));
        println!("### {name}: resident memory after the load (at most before), MiB\n\n{}", memories(build));
        note_of_orders(build);
    }
    if let [one, other] = measured {
        println!("### {} by {}\n\n{}", one.build, other.build, ratios(one, other));
    }
}

fn seen(build: &Measured) -> Table {
    let mut table = Table::new(["call", RATE].into_iter().chain(LATENCIES).chain([FAILED]));
    for (call, rounds) in &build.calls {
        let latencies = LATENCIES.map(|name| cell(rounds, name, 1));
        table.row(
            [call.title().to_owned(), cell(rounds, RATE, 0)]
                .into_iter()
                .chain(latencies)
                .chain([cell(rounds, FAILED, 0)]),
        );
    }
    table
}

fn services(build: &Measured) -> Table {
    costs(build, [ALL_SERVICES].into_iter().chain(NAMES).map(str::to_owned).collect())
}

fn elsewhere(build: &Measured) -> Table {
    let postgres =
        [POSTGRES.to_owned()].into_iter().chain(DATABASES.map(of_database)).chain([POSTGRES_ITSELF.to_owned()]);
    costs(build, postgres.chain(["NATS", "Consul", "collector", LOAD, OTHERS].map(str::to_owned)).collect())
}

fn costs(build: &Measured, names: Vec<String>) -> Table {
    let mut table = Table::new(["call".to_owned()].into_iter().chain(names.iter().cloned()));
    for (call, rounds) in &build.calls {
        let costs = names.iter().map(|name| cell(rounds, name, 0));
        table.row([call.title().to_owned()].into_iter().chain(costs));
    }
    table
}

fn memories(build: &Measured) -> Table {
    let mut table = Table::new(["call"].into_iter().chain(NAMES));
    for (call, rounds) in &build.calls {
        let both = |name: &str| {
            let [now, most] = [memory(name), most_memory(name)].map(|name| rounds.spread(&name).map(|it| it.median));
            now.zip(most).map_or_else(String::new, |(now, most)| format!("{now:.1} ({most:.1})"))
        };
        table.row([call.title().to_owned()].into_iter().chain(NAMES.map(both)));
    }
    table
}

fn note_of_orders(build: &Measured) {
    let placed = build.calls.iter().find(|(call, _)| *call == Call::PlaceOrder);
    let Some((backlog, rounds)) = placed.and_then(|(_, rounds)| Some((rounds.spread(BACKLOG)?, rounds))) else {
        return;
    };
    let without = rounds.spread(ALL_SERVICES).zip(rounds.spread("payments")).map(|(all, it)| all.median - it.median);
    println!(
        "Orders are paid while others are placed: that part of the work of orders and of payments is in the sum. Without\n\
         payments it is {:.0} µs. What was left of it when the load had ended took {backlog:.1} s.\n",
        without.unwrap_or(f64::NAN),
    );
}

fn ratios(one: &Measured, other: &Measured) -> Table {
    let names = [RATE, "p50 ms", "p99 ms", ALL_SERVICES].into_iter().chain(NAMES).chain([POSTGRES]);
    let mut table = Table::new(["call"].into_iter().chain(names.clone()));
    for ((call, rounds), (_, others)) in one.calls.iter().zip(&other.calls) {
        let ratio = |name: &str| rounds.ratio(others, name).map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        table.row([call.title().to_owned()].into_iter().chain(names.clone().map(ratio)));
    }
    table
}

fn cell(rounds: &Rounds, name: &str, decimals: usize) -> String {
    rounds.spread(name).map_or_else(String::new, |spread| format!("{spread:.decimals$}"))
}
