//! NATS goes away, and comes back.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::stage::{Handler, Stage, until};

#[tokio::test]
async fn nothing_is_lost_and_nothing_takes_effect_twice_when_nats_is_killed() {
    let Some(mut stage) = Stage::set().await else { return };
    let _payments = stage.hearer("payments", &Handler::default()).await;
    let teller = stage.teller().await;
    for round in 0..3 {
        for number in 1..=50 {
            teller.tell(round * 100 + number).await;
            if number == 25 {
                stage.nats.stop();
            }
        }
        stage.nats.start_again().await;
    }
    until("all are handled", async || stage.numbers("payments").await.len() >= 150).await;
    until("none is left", async || stage.waiting().await == 0).await;
    let expected: Vec<u64> = (0..3).flat_map(|round| (1..=50).map(move |number| round * 100 + number)).collect();
    assert_eq!(stage.numbers("payments").await, expected);
    assert_eq!(stage.dead_letters().await, 0);
}

#[tokio::test]
async fn a_nats_that_has_lost_its_disk_carries_events_again() {
    let Some(mut stage) = Stage::set().await else { return };
    let _payments = stage.hearer("payments", &Handler::default()).await;
    let teller = stage.teller().await;
    teller.tell(1).await;
    until("the first is handled", async || stage.numbers("payments").await == [1]).await;
    stage.nats.start_empty().await;
    teller.tell(2).await;
    until("the second is handled", async || stage.numbers("payments").await == [1, 2]).await;
}

#[tokio::test]
async fn a_stream_that_somebody_deletes_is_made_again() {
    let Some(stage) = Stage::set().await else { return };
    let _payments = stage.hearer("payments", &Handler::default()).await;
    let teller = stage.teller().await;
    teller.tell(1).await;
    until("the first is handled", async || stage.numbers("payments").await == [1]).await;
    stage.jetstream().await.delete_stream("events").await.unwrap();
    teller.tell(2).await;
    until("the second is handled", async || stage.numbers("payments").await == [1, 2]).await;
}

#[tokio::test]
async fn a_service_starts_before_nats_does() {
    let Some(mut stage) = Stage::set().await else { return };
    stage.nats.stop();
    let bus = stage.bus("orders").await;
    assert!(bus.report().is_err());
    let _payments = stage.hearer("payments", &Handler::default()).await;
    let teller = stage.teller().await;
    teller.tell(1).await;
    assert_eq!(stage.waiting().await, 1);

    stage.nats.start_again().await;
    until("it is handled", async || stage.numbers("payments").await == [1]).await;
    until("it is reported", async || bus.report().is_ok()).await;
}

#[tokio::test]
async fn a_process_ends_in_time_while_nats_is_away() {
    let Some(mut stage) = Stage::set().await else { return };
    let payments = stage.hearer("payments", &Handler::default()).await;
    let teller = stage.teller().await;
    teller.tell(1).await;
    until("it is handled", async || stage.numbers("payments").await == [1]).await;
    stage.nats.stop();
    teller.tell(2).await;

    let began = Instant::now();
    let relay = teller.end();
    timeout(Duration::from_secs(10), payments.stop()).await.unwrap();
    timeout(Duration::from_secs(10), relay).await.unwrap().unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn who_leaves_lets_go_of_what_it_was_to_handle() {
    let Some(stage) = Stage::set().await else { return };
    let teller = stage.teller().await;
    let mut payments = stage.hearer("payments", &Handler::default()).await;
    for number in 1..=200 {
        teller.tell(number).await;
        if number % 50 == 0 {
            let next = stage.hearer("payments", &Handler::default()).await;
            std::mem::replace(&mut payments, next).stop().await;
        }
    }
    let began = Instant::now();
    until("all are handled", async || stage.numbers("payments").await.len() == 200).await;
    // What is lost on the way comes again after half a minute only.
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}
