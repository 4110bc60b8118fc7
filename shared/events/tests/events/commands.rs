//! What an operator is told who asks for the impossible.

use events::OutboxCommand;
use uuid::Uuid;

use crate::harness::Service;

#[tokio::test]
async fn an_outbox_in_which_nothing_waits_says_so() {
    let teller = Service::new("teller").await;
    let report = OutboxCommand::Status.answer(&teller.pool).await.unwrap();
    assert_eq!(report, "no event waits; 0 dead");
}

#[tokio::test]
async fn an_event_that_is_not_there_is_an_error() {
    let (teller, id) = (Service::new("teller").await, Uuid::now_v7());
    let error = OutboxCommand::Replay { id }.answer(&teller.pool).await.unwrap_err();
    assert_eq!(error.to_string(), format!("no event {id} of the outbox was published or refused"));
    let error = OutboxCommand::Drop { id }.answer(&teller.pool).await.unwrap_err();
    assert_eq!(error.to_string(), format!("no event {id} of the outbox was refused for good"));
}

#[tokio::test]
async fn an_event_that_waits_can_be_neither_dropped_nor_replayed() {
    let teller = Service::new("teller").await;
    teller.tell(Uuid::now_v7(), "still to come").await;
    let id = teller.ask("select id::text from events.outbox").await[0].parse().unwrap();
    OutboxCommand::Replay { id }.answer(&teller.pool).await.unwrap_err();
    OutboxCommand::Drop { id }.answer(&teller.pool).await.unwrap_err();
    assert_eq!(teller.waiting().await, 1);
}
