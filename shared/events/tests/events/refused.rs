//! Events that are at fault themselves.

use events::{Bus, Event, OutboxCommand};
use sqlx::query_scalar;
use testkit::Logs;
use uuid::Uuid;

use crate::harness::{Said, Service, defect, until};

fn no_poison(event: &Event<Said>) -> Result<(), events::HandlingError> {
    if event.data.text == "poison" { Err(defect()) } else { Ok(()) }
}

impl Service {
    async fn until_dead(&self) -> Uuid {
        let dead = "select count(*) from events.outbox where dead_since is not null";
        until("it is dead", async || self.count(dead).await == 1).await;
        let id = query_scalar("select id from events.outbox where dead_since is not null");
        id.fetch_one(&mut self.pool.acquire().await.unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn an_event_that_is_refused_three_times_stops_its_subject_and_nothing_else() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let logs = Logs::capture();
    let _running = (teller.relay(&bus), hearer.does(&bus, no_poison));
    let (ill, well) = (Uuid::now_v7(), Uuid::now_v7());
    teller.tell(ill, "poison").await;
    teller.tell(ill, "behind it").await;
    teller.tell(well, "elsewhere").await;
    hearer.until_noted(1).await;
    assert_eq!(hearer.noted_of(well).await, ["elsewhere"], "others are not held up");

    let id = teller.until_dead().await;
    assert_eq!(teller.ask("select attempts::text from events.outbox where attempts > 0").await, ["3"]);
    let reason = "the event cannot be handled: it makes no sense";
    assert_eq!(teller.ask("select error from events.outbox where dead_since is not null").await, [reason]);
    let told = logs.warnings("its subject waits");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains(&id.to_string()) && told[0].contains(reason) && !told[0].contains("poison"), "{told:?}");
    teller.tell(well, "still").await;
    hearer.until_noted(2).await;
    assert!(hearer.noted_of(ill).await.is_empty());
    until("the rest is published", async || teller.waiting().await == 2).await;

    let report = OutboxCommand::Status.answer(&teller.pool).await.unwrap();
    assert!(report.starts_with("1 wait, the oldest for ") && report.contains(" s; 1 dead\n"), "{report}");
    let line = format!("{id} tales.v1.Said of {ill}: dead for ");
    assert!(report.contains(&line) && report.ends_with(&format!("3 attempts, 1 wait behind it: {reason}")), "{report}");

    let done = OutboxCommand::Drop { id }.answer(&teller.pool).await.unwrap();
    assert_eq!(done, format!("tales.v1.Said of {ill} is given up"));
    teller.until_published().await;
    assert_eq!(hearer.noted_of(ill).await, ["behind it"]);
}

#[tokio::test]
async fn a_dead_event_that_is_replayed_comes_before_those_behind_it() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let ill = hearer.does(&bus, no_poison);
    let _relay = teller.relay(&bus);
    let subject = Uuid::now_v7();
    teller.tell(subject, "poison").await;
    teller.tell(subject, "behind it").await;
    let id = teller.until_dead().await;
    ill.stop().await;
    let _well = hearer.notes(&bus);
    OutboxCommand::Replay { id }.answer(&teller.pool).await.unwrap();
    teller.until_published().await;
    assert_eq!(hearer.noted_of(subject).await, ["poison", "behind it"]);
}
