//! What a relay does when its process ends.

use std::time::{Duration, Instant};

use events::Bus;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{Service, until_open};

#[tokio::test]
async fn what_was_written_is_published_before_the_end() {
    let (teller, hearer) = (Service::new("teller").await, Service::new("hearer").await);
    let bus = Bus::in_process(&["hearer"]);
    let _hearing = hearer.notes(&bus);
    until_open(&bus).await;
    let subject = Uuid::now_v7();
    for number in 1..=3 {
        teller.tell(subject, number).await;
    }
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    teller.outbox.clone().relay(bus, shutdown).await;
    assert_eq!(hearer.noted_of(subject).await, ["1", "2", "3"]);
    assert_eq!(teller.waiting().await, 0);
}

#[tokio::test]
async fn nobody_waits_for_a_bus_that_is_away() {
    let teller = Service::new("teller").await;
    let relay = teller.relay(&Bus::in_process(&["nobody"]));
    teller.tell(Uuid::now_v7(), "left behind").await;
    let began = Instant::now();
    relay.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(teller.count("select count(*) from events.outbox where leased_until > now()").await, 0);
    assert_eq!(teller.waiting().await, 1);
}
