//! What PostgreSQL spends on an order that is placed, against the same statements by pgbench.

mod script;

use std::{
    cell::Cell,
    process::Stdio,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use sqlx::{Connection, Executor};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{
    Options,
    builds::Build,
    customer::Customer,
    lines::skus,
    load::{Load, Pace},
    meter::{Meter, POSTGRES_ITSELF, of_database},
    shop::Shop,
    table::Table,
    trips::Tapped,
};
use crate::{
    cluster::Postgres,
    figures::{Figures, Rounds},
    processes,
};

/// A copy of the database of orders; also the name of what works on it.
const PGBENCH: &str = "pgbench";

/// The same rate for both is this part of what the slower one can do.
const PART: f64 = 0.6;

/// More than there will be.
const ORDERS_OF_A_RUN: u64 = 1_000_000_000;

/// `load` orders so many things, three at a time.
const THINGS: usize = 40;

/// pgbench has so many baskets of them, which is enough that its orders seldom wait for each other.
const BASKETS: usize = 32;

const RATE: &str = "orders/s";

/// The two that are compared, at a pace.
#[derive(Default)]
struct Pair {
    joist: Rounds,
    pgbench: Rounds,
}

pub async fn run(options: &Options, build: &Build, shop: &mut Shop<'_>) -> anyhow::Result<Value> {
    let scripts = record(build, shop).await?;
    println!("\nWhat placing an order is for PostgreSQL, as pgbench does it:\n\n```sql\n{}```\n", scripts[0]);
    let files = write(shop, &scripts)?;
    // Placing alone: nobody hears of the orders, and nobody pays them.
    shop.change_to(build).await?;
    copy(shop).await?;
    shop.cluster.payments[0].kill().await?;
    shop.cluster.nats.kill().await?;
    let bench = Pgbench { options, files, clients: Cell::new(0), runs: Cell::new(0) };
    let fastest = compare(&bench, shop, None).await?;
    let fast = [fastest.joist.spread(RATE), fastest.pgbench.spread(RATE)].into_iter().flatten();
    let rate = fast.map(|it| it.median).fold(f64::INFINITY, f64::min) * PART;
    let even = compare(&bench, shop, Some(rate.round())).await?;
    forget(shop).await?;
    shop.cluster.nats.start().await?;
    shop.change_to(build).await?;
    shop.quiet().await?;
    let whole = whole(options, shop).await?;
    print(bench.clients.get(), [("as fast as it goes", &fastest), ("at the same rate", &even)], &whole);
    let json = |pair: &Pair| json!({ "joist": pair.joist.json(), "pgbench": pair.pgbench.json() });
    Ok(json!({ "fastest": json(&fastest), "even": json(&even), "with events and payments": whole.json() }))
}

/// What is sent to PostgreSQL for an order, for each of some baskets.
async fn record(build: &Build, shop: &mut Shop<'_>) -> anyhow::Result<Vec<String>> {
    let things = skus(shop, THINGS).await?;
    let tapped = Tapped::listen(shop, build).await?;
    let customer = Customer::sign_up(&shop.url()).await?;
    let mut scripts = Vec::new();
    for _ in 0..BASKETS {
        let basket = fastrand::choose_multiple(things.iter().cloned(), 3);
        let mut place = async || customer.place(&basket, None).await.map(drop);
        let (one, other) = (tapped.least(&mut place).await?, tapped.least(&mut place).await?);
        scripts.push(script::of(&one.orders, &other.orders)?);
    }
    Ok(scripts)
}

fn write(shop: &Shop<'_>, scripts: &[String]) -> anyhow::Result<Vec<String>> {
    let write = |(number, script): (usize, &String)| {
        let file = shop.folder.path().join(format!("place-{number}.sql"));
        std::fs::write(&file, script)?;
        Ok(file.display().to_string())
    };
    scripts.iter().enumerate().map(write).collect()
}

/// The tables as they are, for pgbench, so that the service has nothing to do with what that writes.
async fn copy(shop: &mut Shop<'_>) -> anyhow::Result<()> {
    shop.cluster.orders[0].kill().await?;
    let mut postgres = shop.cluster.postgres.connect_to("postgres").await?;
    postgres.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'orders'").await?;
    postgres.execute("create database pgbench template orders").await?;
    postgres.close().await?;
    shop.cluster.start_over().await
}

/// Leaves nothing to be done for all the orders of which nobody has heard.
async fn forget(shop: &Shop<'_>) -> anyhow::Result<()> {
    let mut orders = shop.cluster.postgres.connect_to_orders().await?;
    orders.execute("delete from events.outbox where published_at is null").await?;
    orders.execute("update orders set status = 'cancelled' where status = 'pending'").await?;
    Ok(orders.close().await?)
}

/// Both in turns, at this rate or as fast as they can.
async fn compare(bench: &Pgbench<'_>, shop: &Shop<'_>, rate: Option<f64>) -> anyhow::Result<Pair> {
    let mut pair = Pair::default();
    for round in 0..bench.options.rounds.get() {
        for turn in 0..2 {
            let (rounds, figures) = match (round + turn) % 2 {
                0 => {
                    let figures = load(bench.options, shop, rate).await?;
                    bench.clients.set(connections(shop)?);
                    (&mut pair.joist, figures)
                }
                _ => (&mut pair.pgbench, bench.run(shop, rate).await?),
            };
            println!("round {}: {}", round + 1, brief(&figures));
            rounds.add(figures);
        }
    }
    Ok(pair)
}

/// How many the service has, grown by the load; pgbench has as many.
fn connections(shop: &Shop<'_>) -> anyhow::Result<usize> {
    let backends = processes::children(shop.cluster.postgres.id()?);
    let is_of_orders = |id: &u32| processes::title(*id).starts_with("postgres: orders orders ");
    let connections = backends.iter().filter(|id| is_of_orders(id)).count();
    ensure!(connections > 0, "orders has no connections");
    Ok(connections)
}

fn brief(figures: &Figures) -> String {
    let costs: Vec<_> = figures.iter().map(|(name, figure)| format!("{name} {figure:.0}")).collect();
    costs.join(", ")
}

/// Orders as customers place them.
async fn load(options: &Options, shop: &Shop<'_>, rate: Option<f64>) -> anyhow::Result<Figures> {
    let pace = rate.map_or(Pace::AsFastAsItGoes, Pace::PerSecond);
    let load = Load::start(&options.load, shop, "place-order", pace)?;
    let meter = Meter::start(Vec::new(), shop.cluster.postgres.id()?);
    let seen = load.end().await?;
    Ok(costs(&meter.stop().await?.between(seen.from, seen.to), seen.requests, seen.rate))
}

/// Microseconds of an order, but for the rate.
fn costs(seconds: &Figures, orders: f64, rate: f64) -> Figures {
    let names = ["orders", "payments", PGBENCH].map(of_database).into_iter().chain([POSTGRES_ITSELF.to_owned()]);
    let costs = names.filter_map(|name| Some((name.clone(), seconds.get(&name)? * 1e6 / orders)));
    costs.chain([(RATE.to_owned(), rate)]).collect()
}

/// Orders with all that comes of them.
async fn whole(options: &Options, shop: &Shop<'_>) -> anyhow::Result<Rounds> {
    let mut rounds = Rounds::default();
    for round in 0..options.rounds.get() {
        let figures = load(options, shop, None).await?;
        println!("round {}, with events and payments: {}", round + 1, brief(&figures));
        rounds.add(figures);
        shop.quiet().await?;
    }
    Ok(rounds)
}

struct Pgbench<'a> {
    options: &'a Options,
    /// One of them is chosen for each transaction.
    files: Vec<String>,
    clients: Cell<usize>,
    /// How often it has run: ids go on where they have ended.
    runs: Cell<u64>,
}

/// How many pgbench has placed, and were there before.
async fn orders(postgres: &Postgres) -> anyhow::Result<i64> {
    let mut database = postgres.connect_to(PGBENCH).await?;
    Ok(sqlx::query_scalar("select count(*) from orders").fetch_one(&mut database).await?)
}

/// One of its lines of progress, when it came.
struct Progress {
    at: f64,
    transactions: f64,
}

impl Pgbench<'_> {
    async fn run(&self, shop: &Shop<'_>, rate: Option<f64>) -> anyhow::Result<Figures> {
        let meter = Meter::start(Vec::new(), shop.cluster.postgres.id()?);
        let before = orders(&shop.cluster.postgres).await?;
        let progress = self.progress(&shop.cluster.postgres, rate).await?;
        let record = meter.stop().await?;
        let placed = orders(&shop.cluster.postgres).await? - before;
        let warm = usize::try_from(self.options.load.warm_up)?.max(1);
        let (first, last) = (progress.get(warm - 1), progress.last());
        let (from, to) = first.zip(last).map(|(first, last)| (first.at, last.at)).context("pgbench says too little")?;
        let transactions: f64 = progress[warm..].iter().map(|it| it.transactions).sum();
        ensure!(
            transactions > 0.0 && placed as f64 >= transactions,
            "{transactions} transactions of pgbench placed {placed} orders"
        );
        Ok(costs(&record.between(from, to), transactions, transactions / (to - from)))
    }

    async fn progress(&self, postgres: &Postgres, rate: Option<f64>) -> anyhow::Result<Vec<Progress>> {
        let seconds = self.options.load.warm_up.max(1) + self.options.load.seconds.get() + 1;
        let mut command = postgres.client(PGBENCH)?;
        let run = self.runs.replace(self.runs.get() + 1);
        command.args(["--no-vacuum", "--protocol=prepared", "--progress=1"]);
        command.args(self.files.iter().map(|file| format!("--file={file}")));
        command.args([format!("--client={}", self.clients.get()), format!("--time={seconds}")]);
        command.arg(format!("--define=n={}", run * ORDERS_OF_A_RUN));
        command.args(rate.map(|rate| format!("--rate={rate}"))).arg(PGBENCH);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("pgbench, which comes with PostgreSQL, does not start")?;
        let mut lines = BufReader::new(child.stderr.take().context("it has one")?).lines();
        let (mut progress, mut said, mut before) = (Vec::new(), String::new(), 0.0);
        while let Some(line) = lines.next_line().await? {
            let Some((elapsed, rate)) = read(&line) else {
                said = said + &line + "\n";
                continue;
            };
            let at = SystemTime::now().duration_since(UNIX_EPOCH)?;
            progress.push(Progress { at: at.as_secs_f64(), transactions: rate * (elapsed - before) });
            before = elapsed;
        }
        let status = child.wait().await?;
        ensure!(status.success() && progress.len() > 2, "pgbench: {status}\n{said}");
        Ok(progress)
    }
}

/// In a line such as `progress: 2.0 s, 512.3 tps, lat 12.3 ms stddev 1.2, 0 failed`: the time and the rate.
fn read(line: &str) -> Option<(f64, f64)> {
    let mut parts = line.strip_prefix("progress: ")?.split(", ");
    let mut number = |unit: &str| parts.next()?.strip_suffix(unit)?.parse().ok();
    Some((number(" s")?, number(" tps")?))
}

fn print(clients: usize, pairs: [(&str, &Pair); 2], whole: &Rounds) {
    println!(
        "\n### PostgreSQL's processor time of an order, µs (least–greatest); pgbench with {clients} connections\n"
    );
    let mut table = Table::new(["pace", "by", RATE, "its connections", POSTGRES_ITSELF, "ratio"]);
    let cell = |rounds: &Rounds, name: &str| rounds.spread(name).map_or_else(String::new, |it| format!("{it:.0}"));
    let row = |pace: &str, by: &str, rounds: &Rounds, database: &str, ratio: String| {
        let names = [RATE, &of_database(database), POSTGRES_ITSELF].map(|name| cell(rounds, name));
        [pace.to_owned(), by.to_owned()].into_iter().chain(names).chain([ratio])
    };
    for (pace, Pair { joist, pgbench }) in pairs {
        let medians = joist.spread(&of_database("orders")).zip(pgbench.spread(&of_database(PGBENCH)));
        let ratio =
            medians.map_or_else(String::new, |(joist, pgbench)| format!("{:.2}", joist.median / pgbench.median));
        table.row(row(pace, "placing alone", joist, "orders", ratio));
        table.row(row(pace, PGBENCH, pgbench, PGBENCH, String::new()));
    }
    for database in ["orders", "payments"] {
        let by = format!("with events and payments, {database}");
        table.row(row(pairs[0].0, &by, whole, database, String::new()));
    }
    println!("{table}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_progress_has_a_time_and_a_rate() {
        assert_eq!(read("progress: 2.0 s, 512.3 tps, lat 12.3 ms stddev 1.2, 0 failed"), Some((2.0, 512.3)));
        assert_eq!(read("pgbench (15.18)"), None);
    }
}
