//! Events that nobody can handle.

use testkit::told;

use crate::stage::{Handler, Stage, TRIES, until};

#[tokio::test]
async fn an_event_that_cannot_be_handled_is_set_aside_and_holds_nobody_up() {
    told::listen();
    let Some(stage) = Stage::set().await else { return };
    let handler = Handler::poisoned_by(1);
    let _hearer = stage.hearer("poisoned", &handler).await;
    let teller = stage.teller().await;
    for number in 1..=30 {
        teller.tell(number).await;
    }
    until("it is set aside", async || stage.dead_letters().await == 1).await;
    until("the others are handled", async || stage.numbers("poisoned").await.len() == 29).await;
    assert_eq!(stage.numbers("poisoned").await, (2..=30).collect::<Vec<_>>());
    assert_eq!(handler.tries(), 29 + TRIES as usize);
    let counted = told::metric("events_dead_letters_total", &[("messaging_consumer_group_name", "poisoned")]);
    assert_eq!(counted, Some(1.0));

    let stream = stage.jetstream().await.get_stream("dead_letters").await.unwrap();
    let letter = stream.get_last_raw_message_by_subject("dead_letters.poisoned.orders.v1.OrderPlaced").await.unwrap();
    let header = |name: &'static str| letter.headers.get(name).unwrap().as_str().to_owned();
    assert_eq!(header("dead-letter-group"), "poisoned");
    assert_eq!(header("dead-letter-tries"), TRIES.to_string());
    assert_eq!(header("dead-letter-reason"), "the event cannot be handled: nobody can handle this");
    assert_eq!(header("ce-type"), "orders.v1.OrderPlaced");
}

#[tokio::test]
async fn an_event_that_fails_in_one_group_takes_effect_in_the_others() {
    let Some(stage) = Stage::set().await else { return };
    let _payments = stage.hearer("payments", &Handler::poisoned_by(1)).await;
    let _users = stage.hearer("users", &Handler::default()).await;
    let teller = stage.teller().await;
    teller.tell(1).await;
    until("it is set aside", async || stage.dead_letters().await == 1).await;
    until("the others have handled it", async || stage.numbers("users").await == [1]).await;
    assert!(stage.numbers("payments").await.is_empty());
}

#[tokio::test]
async fn what_is_no_event_is_set_aside_at_once() {
    let Some(stage) = Stage::set().await else { return };
    let handler = Handler::default();
    let _payments = stage.hearer("payments", &handler).await;
    let jetstream = stage.jetstream().await;
    until("the stream is there", async || jetstream.get_stream("events").await.is_ok()).await;
    let subject = "events.orders.v1.OrderPlaced";
    jetstream.publish(subject, "garbage".into()).await.unwrap().await.unwrap();
    until("it is set aside", async || stage.dead_letters().await == 1).await;
    assert_eq!(handler.tries(), 0);
    let teller = stage.teller().await;
    teller.tell(1).await;
    until("an event is handled", async || stage.numbers("payments").await == [1]).await;
}
