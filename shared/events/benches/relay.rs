//! How fast a relay publishes to a real JetStream, and how long an event waits in the outbox:
//! `cargo bench --workspace --bench relay`.

#![expect(clippy::print_stdout, reason = "this is where its result goes")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has failed")]

use std::{
    collections::HashMap,
    env,
    fs::{self, File},
    io::Write,
    time::{Duration, Instant},
};

use database::Pool;
use events::{Bus, Config, Outbox};
use futures::future::join_all;
use sqlx::migrate::Migrator;
use testkit::{Nats, NatsSettings};
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const EVENTS: i32 = 20_000;
const ROUNDS: usize = 3;

/// Orders a second, for so many seconds.
const RATE: u32 = 200;
const SECONDS: u32 = 10;

#[derive(Clone, PartialEq, prost::Message)]
struct Happened {
    #[prost(string, tag = "1")]
    what: String,
}

impl prost::Name for Happened {
    const NAME: &'static str = "Happened";
    const PACKAGE: &'static str = "benchmark.v1";
}

#[tokio::main]
async fn main() {
    for (sync, sync_always) in [("by default", false), ("always", true)] {
        let settings = NatsSettings { sync_always, ..NatsSettings::default() };
        let Some(nats) = Nats::start_with(settings).await else { return };
        let database = testkit::private_database(&Migrator::with_migrations(Vec::new())).await;
        let pool = database::connect(&database).await.unwrap();
        let config = Config { nats_url: nats.url(), nats_user: None, nats_password: None, events_max_deliver: 10 };
        let bus = Bus::connect(&config, "benchmark").await.unwrap();
        while bus.report().is_err() {
            sleep(Duration::from_millis(10)).await;
        }
        throughput(&pool, &bus, sync).await;
        disk();
        latency(&pool, &bus, sync).await;
    }
}

async fn throughput(pool: &Pool, bus: &Bus, sync: &str) {
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        fill(pool).await;
        let (outbox, shutdown) = (Outbox::new("benchmark", pool), CancellationToken::new());
        let began = Instant::now();
        let relay = tokio::spawn(outbox.relay(bus.clone(), shutdown.clone()));
        while waiting(pool).await > 0 {
            sleep(Duration::from_millis(5)).await;
        }
        rates.push(f64::from(EVENTS) / began.elapsed().as_secs_f64());
        shutdown.cancel();
        relay.await.unwrap();
    }
    rates.sort_unstable_by(f64::total_cmp);
    println!("sync {sync}: {:.0} events/s by one relay, median of {ROUNDS} rounds", rates[ROUNDS / 2]);
}

/// Events of subjects of their own, of the size of an order's.
async fn fill(pool: &Pool) {
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query(
        "insert into events.outbox (id, subject, kind, time, data)
         select gen_random_uuid(), gen_random_uuid(), 'benchmark.v1.Happened', now(), decode(repeat('ab', 100), 'hex')
         from generate_series(1, $1)",
    )
    .bind(EVENTS)
    .execute(&mut connection)
    .await
    .unwrap();
}

async fn waiting(pool: &Pool) -> i64 {
    let mut connection = pool.acquire().await.unwrap();
    let waiting =
        sqlx::query_scalar("select count(*) from (select from events.outbox where published_at is null limit 1) w");
    waiting.fetch_one(&mut connection).await.unwrap()
}

/// What bounds `always`: one writer that waits for the disk after each event.
fn disk() {
    let path = env::temp_dir().join(Uuid::new_v4().to_string());
    let mut file = File::create_new(&path).unwrap();
    let began = Instant::now();
    for _ in 0..EVENTS {
        file.write_all(&[0xab; 400]).unwrap();
        file.sync_data().unwrap();
    }
    println!(
        "this disk: {:.0} such writes/s, each with its fdatasync",
        f64::from(EVENTS) / began.elapsed().as_secs_f64()
    );
    fs::remove_file(path).unwrap();
}

/// From the commit to the mark that says that the bus has it, which is set a moment later.
async fn latency(pool: &Pool, bus: &Bus, sync: &str) {
    let (outbox, shutdown) = (Outbox::new("benchmark", pool), CancellationToken::new());
    let relay = tokio::spawn(outbox.clone().relay(bus.clone(), shutdown.clone()));
    let commits = tell(&outbox, pool).await;
    while waiting(pool).await > 0 {
        sleep(Duration::from_millis(5)).await;
    }
    let published = published(pool).await;
    let mut times: Vec<f64> =
        commits.iter().map(|(subject, at)| (published[subject] - *at).as_seconds_f64().max(0.0) * 1000.0).collect();
    times.sort_unstable_by(f64::total_cmp);
    let [p50, p99] = [times.len() / 2, times.len() * 99 / 100].map(|index| times[index]);
    println!("sync {sync}: at {RATE}/s from the commit to published p50 {p50:.1} ms, p99 {p99:.1} ms");
    shutdown.cancel();
    relay.await.unwrap();
}

/// Subjects, and when each was committed.
async fn tell(outbox: &Outbox, pool: &Pool) -> Vec<(Uuid, OffsetDateTime)> {
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut told = Vec::new();
    for _ in 0..RATE * SECONDS {
        ticks.tick().await;
        let (outbox, pool) = (outbox.clone(), pool.clone());
        told.push(tokio::spawn(async move {
            let subject = Uuid::now_v7();
            let mut tx = pool.begin(None).await.unwrap();
            outbox.put(&mut tx, subject, &Happened { what: "x".repeat(100) }).await.unwrap();
            outbox.commit(tx).await.unwrap();
            (subject, OffsetDateTime::now_utc())
        }));
    }
    join_all(told).await.into_iter().map(Result::unwrap).collect()
}

async fn published(pool: &Pool) -> HashMap<Uuid, OffsetDateTime> {
    let mut connection = pool.acquire().await.unwrap();
    let published = sqlx::query_as("select subject, published_at from events.outbox where published_at is not null");
    let published: Vec<(Uuid, OffsetDateTime)> = published.fetch_all(&mut connection).await.unwrap();
    published.into_iter().collect()
}
