//! From the outbox to the stream.

use std::collections::HashMap;

use async_nats::jetstream::stream::{Config, DiscardPolicy};
use events::{Envelope, PublishError};
use uuid::Uuid;

use crate::stage::{Handler, OrderPlaced, Stage, until};

#[tokio::test]
async fn what_is_committed_takes_effect_once_in_each_group() {
    let Some(stage) = Stage::set().await else { return };
    let _payments = stage.hearer("payments", &Handler::default()).await;
    let _users = stage.hearer("users", &Handler::default()).await;
    let teller = stage.teller().await;
    for number in 1..=20 {
        teller.tell(number).await;
    }
    until("all are handled", async || {
        stage.numbers("payments").await.len() == 20 && stage.numbers("users").await.len() == 20
    })
    .await;
    assert_eq!(stage.numbers("payments").await, (1..=20).collect::<Vec<_>>());
    assert_eq!(stage.numbers("users").await, (1..=20).collect::<Vec<_>>());
    until("none is left", async || stage.waiting().await == 0).await;
}

#[tokio::test]
async fn events_of_a_subject_keep_their_order_under_several_relays() {
    let Some(stage) = Stage::set().await else { return };
    let tellers = [stage.teller().await, stage.teller().await, stage.teller().await];
    let subjects: Vec<Uuid> = (0..20).map(|_| Uuid::now_v7()).collect();
    for number in 1..=10 {
        for (index, subject) in subjects.iter().enumerate() {
            tellers[index % 3].tell_of(*subject, number).await;
        }
    }
    until("all are published", async || stage.waiting().await == 0).await;
    let mut numbers: HashMap<Uuid, Vec<u64>> = HashMap::new();
    for (subject, number) in stage.published().await {
        numbers.entry(subject).or_default().push(number);
    }
    for subject in subjects {
        assert_eq!(numbers[&subject], (1..=10).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_event_that_is_published_again_is_in_the_stream_once() {
    let Some(stage) = Stage::set().await else { return };
    let bus = stage.bus("orders").await;
    let event = Envelope::of("orders", Uuid::now_v7(), &OrderPlaced { number: 1 });
    until("it is published", async || bus.publish(vec![event.clone()]).await[0].is_ok()).await;
    assert!(bus.publish(vec![event.clone(), event]).await.iter().all(Result::is_ok));
    assert_eq!(stage.published().await.len(), 1);
}

#[tokio::test]
async fn an_event_that_is_too_large_is_refused_and_no_other() {
    let Some(stage) = Stage::set().await else { return };
    let bus = stage.bus("orders").await;
    let event = || Envelope::of("orders", Uuid::now_v7(), &OrderPlaced { number: 1 });
    until("NATS is there", async || bus.report().is_ok()).await;
    let large = Envelope { data: vec![0; 2 << 20].into(), ..event() };
    let answers = bus.publish(vec![event(), large, event()]).await;
    assert!(matches!(&answers[..], [Ok(()), Err(PublishError::Refused(_)), Ok(())]), "{answers:?}");
}

#[tokio::test]
async fn events_wait_in_the_outbox_while_the_bus_is_full() {
    let Some(stage) = Stage::set().await else { return };
    let jetstream = stage.jetstream().await;
    let small = Config {
        name: "events".to_owned(),
        subjects: vec!["events.>".to_owned()],
        max_messages: 5,
        discard: DiscardPolicy::New,
        ..Config::default()
    };
    jetstream.create_stream(&small).await.unwrap();
    let teller = stage.teller().await;
    for number in 1..=10 {
        teller.tell(number).await;
    }
    until("it is full", async || stage.published().await.len() == 5).await;
    until("the rest was tried", async || {
        stage.count("select count(*) from events.outbox where published_at is null and leased_until is not null").await
            > 0
    })
    .await;
    assert_eq!(stage.waiting().await, 5);
    assert_eq!(stage.count("select count(*) from events.outbox where attempts > 0 or dead_since is not null").await, 0);

    jetstream.update_stream(Config { max_messages: 100, ..small }).await.unwrap();
    until("there is room", async || stage.waiting().await == 0).await;
    assert_eq!(stage.published().await.len(), 10);
}
