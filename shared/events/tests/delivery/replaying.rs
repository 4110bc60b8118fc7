//! What an operator does about dead letters.

use events::{Bus, DeadLettersCommand};
use uuid::Uuid;

use crate::stage::{Handler, Hearer, Stage, until};

/// An event that payments could not handle, which others could.
async fn dead_letter(stage: &Stage, handler: &Handler) -> (Uuid, [Hearer; 2]) {
    let hearers = [stage.hearer("payments", handler).await, stage.hearer("users", &Handler::default()).await];
    let teller = stage.teller().await;
    teller.tell(1).await;
    until("it is set aside", async || stage.dead_letters().await == 1).await;
    until("the others have handled it", async || stage.numbers("users").await == [1]).await;
    let stream = stage.jetstream().await.get_stream("dead_letters").await.unwrap();
    let letter = stream.get_raw_message(1).await.unwrap();
    (letter.headers.get("ce-id").unwrap().as_str().parse().unwrap(), hearers)
}

#[tokio::test]
async fn a_dead_letter_that_is_replayed_takes_effect_where_it_had_none() {
    let Some(stage) = Stage::set().await else { return };
    let handler = Handler::poisoned_by(1);
    let (id, _hearers) = dead_letter(&stage, &handler).await;
    let bus = stage.bus("payments").await;
    handler.heal();
    DeadLettersCommand::Status.run(&bus, "payments").await.unwrap();
    DeadLettersCommand::Replay { id }.run(&bus, "payments").await.unwrap();
    until("it is handled", async || stage.numbers("payments").await == [1]).await;
    assert_eq!(stage.numbers("users").await, [1], "once");
    let again = DeadLettersCommand::Replay { id }.run(&bus, "payments").await;
    assert!(again.unwrap_err().to_string().contains("no dead letter"));
}

#[tokio::test]
async fn a_dead_letter_that_fails_again_is_set_aside_again() {
    let Some(stage) = Stage::set().await else { return };
    let (id, _hearers) = dead_letter(&stage, &Handler::poisoned_by(1)).await;
    let bus = stage.bus("payments").await;
    DeadLettersCommand::Replay { id }.run(&bus, "payments").await.unwrap();
    until("it is set aside again", async || stage.dead_letters().await == 2).await;
    DeadLettersCommand::Drop { id }.run(&bus, "payments").await.unwrap();
    assert!(DeadLettersCommand::Drop { id }.run(&bus, "payments").await.is_err());
}

#[tokio::test]
async fn a_dead_letter_that_is_dropped_is_gone_and_has_no_effect() {
    let Some(stage) = Stage::set().await else { return };
    let handler = Handler::poisoned_by(1);
    let (id, _hearers) = dead_letter(&stage, &handler).await;
    let bus = stage.bus("payments").await;
    handler.heal();
    DeadLettersCommand::Drop { id }.run(&bus, "payments").await.unwrap();
    assert!(DeadLettersCommand::Replay { id }.run(&bus, "payments").await.is_err());
    assert!(stage.numbers("payments").await.is_empty());
}

#[tokio::test]
async fn a_group_has_nothing_to_do_with_the_dead_letters_of_others() {
    let Some(stage) = Stage::set().await else { return };
    let (id, _hearers) = dead_letter(&stage, &Handler::poisoned_by(1)).await;
    let bus = stage.bus("orders").await;
    assert!(DeadLettersCommand::Drop { id }.run(&bus, "orders").await.is_err());
    DeadLettersCommand::Drop { id }.run(&bus, "payments").await.unwrap();
}

#[tokio::test]
async fn whoever_asks_for_dead_letters_is_told_that_there_can_be_none() {
    let Some(mut stage) = Stage::set().await else { return };
    let in_process = DeadLettersCommand::Status.run(&Bus::in_process(&[]), "payments").await;
    assert!(in_process.unwrap_err().to_string().contains("no dead letters"));
    stage.nats.stop();
    let away = DeadLettersCommand::Status.run(&stage.bus("payments").await, "payments").await;
    assert!(format!("{:#}", away.unwrap_err()).contains("away"));
}
