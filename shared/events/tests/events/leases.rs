//! Who publishes what, for how long.

use std::{collections::BTreeSet, future::pending};

use database::Transaction;
use events::{Bus, Event, Handle, HandlingError};
use testkit::Logs;
use uuid::Uuid;

use crate::harness::{Said, Service, until};

struct Hangs;

impl Handle<Said> for Hangs {
    async fn handle(&self, _: &mut Transaction, _: &Event<Said>) -> Result<(), HandlingError> {
        pending().await
    }
}

const LEASED: &str = "select count(*) from events.outbox where leased_until > now()";

#[tokio::test]
async fn what_a_killed_relay_had_leased_is_published_when_the_lease_ends() {
    let (teller, hearer, stuck) =
        (Service::new("teller").await, Service::new("hearer").await, Service::new("stuck").await);
    let hanging = Bus::in_process(&["stuck"]);
    let relay = teller.relay(&hanging);
    let _stuck = stuck.runs(stuck.consumers(&hanging).with(Hangs));
    let subject = Uuid::now_v7();
    teller.tell(subject, "first").await;
    teller.tell(subject, "second").await;
    until("it is leased", async || teller.count(LEASED).await == 1).await;
    relay.kill().await;

    let bus = Bus::in_process(&["hearer"]);
    let _running = (teller.twin().await.relay(&bus), hearer.notes(&bus));
    teller.twin().await.tell(Uuid::now_v7(), "meanwhile").await;
    hearer.until_noted(1).await;
    assert_eq!(hearer.noted().await, ["meanwhile"], "a lease is respected, and so is the order");
    // Half a minute later.
    teller.run("update events.outbox set leased_until = leased_until - interval '30 s'").await;
    teller.until_published().await;
    assert_eq!(hearer.noted_of(subject).await, ["first", "second"]);
}

#[tokio::test]
async fn a_lease_is_renewed_while_the_bus_takes_its_time() {
    let (teller, stuck) = (Service::new("teller").await, Service::new("stuck").await);
    let bus = Bus::in_process(&["stuck"]);
    let _running = (teller.relay(&bus), stuck.runs(stuck.consumers(&bus).with(Hangs)));
    teller.tell(Uuid::now_v7(), "a long story").await;
    until("it is leased", async || teller.count(LEASED).await == 1).await;
    // As if most of the time was over.
    teller.run("update events.outbox set leased_until = now() + interval '15 s'").await;
    let renewed = "select count(*) from events.outbox where leased_until > now() + interval '20 s'";
    until("it is renewed", async || teller.count(renewed).await == 1).await;
}

#[tokio::test]
async fn a_bus_that_is_away_is_told_once_and_nothing_stays_leased() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let logs = Logs::capture();
    let mut heard = bus.listen("tales.v1");
    let _relay = teller.relay(&bus);
    teller.tell(Uuid::now_v7(), "anybody there?").await;
    let mut given_back = BTreeSet::new();
    until("it was tried often", async || {
        given_back.extend(teller.ask("select leased_until::text from events.outbox where leased_until <= now()").await);
        given_back.len() >= 4
    })
    .await;
    assert_eq!(teller.ask("select attempts::text from events.outbox").await, ["0"]);
    let _hearing = hearer.notes(&bus);
    assert!(heard.next().await.is_some());
    teller.until_published().await;
    let told = logs.warnings("events wait in the outbox");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("hearer does not run") && told[0].contains("teller"), "{told:?}");
}
