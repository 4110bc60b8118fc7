//! How PostgreSQL finds what is to be leased.

use std::time::{Duration, Instant};

use events::Bus;
use sqlx::{AssertSqlSafe, query, query_scalar};

use crate::harness::{Service, until};

/// The statements of the relay.
const MARK: &str = include_str!("../../src/outbox/mark.sql");
const LEASE: &str = include_str!("../../src/outbox/lease.sql");

fn lease(from: i64) -> String {
    LEASE.replace("$1", "30").replace("$2", "512").replace("$3", &from.to_string())
}

/// Fifty thousand events are published, and their entries in the indexes stay.
async fn publish_a_crowd(teller: &Service) {
    for statement in [
        "insert into events.outbox (id, subject, kind, time, data)
         select gen_random_uuid(), gen_random_uuid(), 'tales.v1.Said', now(), '' from generate_series(1, 50000)",
        "update events.outbox set published_at = now()",
    ] {
        teller.run(statement).await;
    }
}

async fn plan(teller: &Service, explain: String) -> String {
    let mut tx = teller.pool.begin(Some(Duration::from_secs(60))).await.unwrap();
    let lines: Vec<String> = query_scalar(AssertSqlSafe(explain)).fetch_all(&mut *tx).await.unwrap();
    lines.join("\n")
}

#[tokio::test]
async fn a_batch_is_found_without_looking_at_all_that_waits() {
    let teller = Service::new("teller").await;
    // Published ones, a subject with a thousand events, and a crowd that waits.
    for statement in [
        "insert into events.outbox (id, subject, kind, time, data, published_at)
         select gen_random_uuid(), gen_random_uuid(), 'tales.v1.Said', now(), '', now()
         from generate_series(1, 100000)",
        "insert into events.outbox (id, subject, kind, time, data)
         select gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 'tales.v1.Said', now(), ''
         from generate_series(1, 1000)",
        "insert into events.outbox (id, subject, kind, time, data)
         select gen_random_uuid(), gen_random_uuid(), 'tales.v1.Said', now(), '' from generate_series(1, 100000)",
    ] {
        teller.run(statement).await;
    }
    // Before PostgreSQL knows what is in the table, and after.
    for statement in ["select 1", "analyze events.outbox"] {
        teller.run(statement).await;
        let plan = plan(&teller, format!("explain (analyze, timing off) {}", lease(0))).await;
        assert!(plan.contains("Index Scan using outbox_waiting on") && !plan.contains("Seq Scan"), "{plan}");
        assert!(plan.contains("using outbox_waiting_by_subject on") && !plan.contains("Sort"), "{plan}");
        assert!(plan.contains("(actual rows=512 loops=1)"), "{plan}");
    }
}

#[tokio::test]
async fn what_was_published_is_not_passed_again_by_each_look() {
    let teller = Service::new("teller").await;
    publish_a_crowd(&teller).await;
    let one = "insert into events.outbox (id, subject, kind, time, data)
               values (gen_random_uuid(), gen_random_uuid(), 'tales.v1.Said', now(), '')";
    teller.run(one).await;
    let explain = format!("explain (analyze, buffers, timing off, summary off, format text) {}", lease(49000));
    let plan = plan(&teller, explain).await;
    let hits = plan.split("hit=").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    // Those of a look at all are more than a thousand.
    assert!(hits.parse::<u32>().unwrap() < 100, "{plan}");
}

#[tokio::test]
async fn what_is_marked_is_found_by_its_key_however_many_were_published() {
    let teller = Service::new("teller").await;
    publish_a_crowd(&teller).await;
    teller.run("analyze events.outbox").await;
    let mark = MARK.replace("$1", "array[gen_random_uuid(), gen_random_uuid()]");
    let plan = plan(&teller, format!("explain {mark}")).await;
    assert!(plan.contains("outbox_pkey") && !plan.contains("outbox_waiting"), "{plan}");
}

#[tokio::test]
async fn what_is_committed_late_is_found_although_later_ones_were() {
    let teller = Service::new("teller").await;
    let _relay = teller.relay(&Bus::in_process(&[]));
    for (sequence, what) in [(100_000_i64, "the later one"), (1, "the earlier one")] {
        query(
            "insert into events.outbox (id, sequence, subject, kind, time, data) overriding system value
             values (gen_random_uuid(), $1, gen_random_uuid(), 'tales.v1.Said', now(), '')",
        )
        .bind(sequence)
        .execute(&mut teller.pool.acquire().await.unwrap())
        .await
        .unwrap();
        until(what, async || teller.waiting().await == 0).await;
    }
}

#[tokio::test]
async fn a_crowd_is_published_in_a_reasonable_time() {
    let teller = Service::new("teller").await;
    let crowd = "insert into events.outbox (id, subject, kind, time, data)
                 select gen_random_uuid(), gen_random_uuid(), 'tales.v1.Said', now(), ''
                 from generate_series(1, 20000)";
    teller.run(crowd).await;
    let began = Instant::now();
    let _relay = teller.relay(&Bus::in_process(&[]));
    until("all are published", async || teller.waiting().await == 0).await;
    // In a debug build, beside other tests; looking through all of them for each batch would take minutes.
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}
