//! What is forgotten, and when.

use events::{Bus, OutboxCommand};
use uuid::Uuid;

use crate::harness::{Service, until};

#[tokio::test]
async fn what_is_long_past_is_forgotten() {
    let teller = Service::new("teller").await;
    for statement in [
        "insert into events.outbox (id, subject, kind, time, data, published_at)
         select gen_random_uuid(), gen_random_uuid(), 'old', now(), '', now() - interval '25 hours'
         from generate_series(1, 2500)",
        "insert into events.outbox (id, subject, kind, time, data, published_at)
         values (gen_random_uuid(), gen_random_uuid(), 'young', now(), '', now() - interval '23 hours')",
        "insert into events.outbox (id, subject, kind, time, data, dead_since)
         values (gen_random_uuid(), gen_random_uuid(), 'dead', now(), '', now() - interval '30 days')",
        "insert into events.inbox (consumer, id, handled_at)
         select 'old', gen_random_uuid(), now() - interval '18 days' from generate_series(1, 2500)",
        "insert into events.inbox (consumer, id, handled_at)
         values ('young', gen_random_uuid(), now() - interval '16 days')",
    ] {
        teller.run(statement).await;
    }
    let _relay = teller.relay(&Bus::in_process(&[]));
    until("the old is gone", async || {
        let old = "select (select count(*) from events.outbox where kind = 'old')
                       + (select count(*) from events.inbox where consumer = 'old')";
        teller.count(old).await == 0
    })
    .await;
    assert_eq!(teller.ask("select kind from events.outbox order by kind").await, ["dead", "young"]);
    assert_eq!(teller.ask("select consumer from events.inbox").await, ["young"]);
}

#[tokio::test]
async fn what_was_published_can_be_published_again_for_a_day() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let _running = (teller.relay(&bus), hearer.notes(&bus));
    let mut heard = bus.listen("tales.v1");
    teller.tell(Uuid::now_v7(), "encore").await;
    let first = heard.next().await.unwrap();
    teller.until_published().await;
    let done = OutboxCommand::Replay { id: first.id }.answer(&teller.pool).await.unwrap();
    assert_eq!(done, format!("tales.v1.Said of {} is published again", first.subject));
    assert_eq!(heard.next().await.unwrap().id, first.id);
    teller.until_published().await;
    assert_eq!(hearer.noted().await, ["encore"], "the inbox knows it");
}
