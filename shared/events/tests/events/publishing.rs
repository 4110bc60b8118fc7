//! From the commit to the bus.

use std::time::{Duration, Instant};

use events::{Bus, Envelope};
use sqlx::query;
use tokio::time::sleep;
use uuid::Uuid;

use crate::harness::{Service, said, until};

#[tokio::test]
async fn what_was_not_committed_is_never_told() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let _running = (teller.relay(&bus), hearer.notes(&bus));
    let mut tx = teller.pool.begin(None).await.unwrap();
    teller.outbox.put(&mut tx, Uuid::now_v7(), &said("a thought")).await.unwrap();
    drop(tx);
    teller.tell(Uuid::now_v7(), "a word").await;
    hearer.until_noted(1).await;
    teller.until_published().await;
    assert_eq!(hearer.noted().await, ["a word"]);
    assert_eq!(teller.count("select count(*) from events.outbox").await, 1);
}

#[tokio::test]
async fn a_commit_wakes_the_relay() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let _running = (teller.relay(&bus), hearer.notes(&bus));
    let mut waited = Duration::ZERO;
    for count in 1..=10 {
        // It looks again at once after each batch, and has to have seen that there is nothing.
        sleep(Duration::from_millis(50)).await;
        let began = Instant::now();
        teller.tell(Uuid::now_v7(), count).await;
        hearer.until_noted(count).await;
        teller.until_published().await;
        waited += began.elapsed();
    }
    // By looking now and then it would have taken ten looks, a second apart.
    assert!(waited < Duration::from_secs(6), "{waited:?}");
}

#[tokio::test]
async fn a_row_can_be_written_by_a_statement_of_ones_own() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let _running = (teller.relay(&bus), hearer.notes(&bus));
    let row = teller.outbox.row(Uuid::now_v7(), &said("by hand"));
    let statement = "insert into events.outbox (id, subject, kind, time, data, traceparent, tracestate)
                     values ($1, $2, $3, $4, $5, $6, $7)";
    let insert = query(statement).bind(row.id).bind(row.subject).bind(row.kind).bind(row.time).bind(row.data);
    let insert = insert.bind(row.traceparent).bind(row.tracestate);
    insert.execute(&mut teller.pool.acquire().await.unwrap()).await.unwrap();
    teller.outbox.wake();
    hearer.until_noted(1).await;
    assert_eq!(hearer.noted_of(row.subject).await, ["by hand"]);
}

#[tokio::test]
async fn what_another_process_wrote_is_found() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let _running = (teller.relay(&bus), hearer.notes(&bus));
    // Its outbox wakes no relay of ours.
    teller.twin().await.tell(Uuid::now_v7(), "from elsewhere").await;
    hearer.until_noted(1).await;
}

#[tokio::test]
async fn a_subjects_events_keep_their_order_whoever_publishes_them() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let _hearing = (hearer.notes(&bus), hearer.twin().await.notes(&bus));
    let twins = [teller.twin().await, teller.twin().await, teller.twin().await];
    let _relays = twins.each_ref().map(|twin| twin.relay(&bus));
    let subjects: Vec<_> = (0..12).map(|_| Uuid::now_v7()).collect();
    for number in 10..25 {
        for (twin, subject) in twins.iter().cycle().zip(&subjects) {
            twin.tell(*subject, number).await;
        }
    }
    until("all is published", async || teller.waiting().await == 0).await;
    let expected: Vec<_> = (10..25).map(|number| number.to_string()).collect();
    for subject in subjects {
        assert_eq!(hearer.noted_of(subject).await, expected);
    }
}

#[tokio::test]
async fn more_than_a_batch_is_published_without_a_pause() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let mut tx = teller.pool.begin(None).await.unwrap();
    for number in 0..1500 {
        teller.outbox.put(&mut tx, Uuid::now_v7(), &said(number)).await.unwrap();
    }
    let _running = (teller.relay(&bus), hearer.notes(&bus));
    teller.outbox.commit(tx).await.unwrap();
    teller.until_published().await;
    assert_eq!(hearer.noted().await.len(), 1500);
}

#[tokio::test]
async fn nothing_is_published_before_every_group_runs() {
    let (teller, hearer, other) =
        (Service::new("teller").await, Service::new("hearer").await, Service::new("other").await);
    let bus = Bus::in_process(&["hearer", "other"]);
    let _running = (teller.relay(&bus), hearer.notes(&bus));
    until("one runs", async || bus.report() == Err("other does not run".to_owned())).await;
    let early = bus.publish(vec![Envelope::of("teller", Uuid::now_v7(), &said("too early"))]).await;
    assert_eq!(early[0].as_ref().unwrap_err().to_string(), "the bus is away: other does not run");
    teller.tell(Uuid::now_v7(), "in time").await;
    let _other = other.notes(&bus);
    other.until_noted(1).await;
    hearer.until_noted(1).await;
    assert!(bus.report().is_ok());
    assert_eq!((hearer.noted().await, other.noted().await), (vec!["in time".to_owned()], vec!["in time".to_owned()]));
}

#[tokio::test]
async fn what_nobody_wants_to_hear_is_published() {
    let teller = Service::new("teller").await;
    let _relay = teller.relay(&Bus::in_process(&[]));
    teller.tell(Uuid::now_v7(), "into the void").await;
    teller.until_published().await;
}
