//! Listeners, who remember nothing.

use events::{Bus, Envelope};
use uuid::Uuid;

use crate::stage::{OrderPlaced, Stage, until};

#[derive(Clone, PartialEq, prost::Message)]
struct UserDeleted {}

impl prost::Name for UserDeleted {
    const NAME: &'static str = "UserDeleted";
    const PACKAGE: &'static str = "users.v1";
}

async fn publish(bus: &Bus, event: Envelope) {
    until("it is published", async || bus.publish(vec![event.clone()]).await[0].is_ok()).await;
}

#[tokio::test]
async fn every_listener_hears_of_its_package_and_of_no_other() {
    let Some(stage) = Stage::set().await else { return };
    let (one, two) = (stage.bus("orders").await, stage.bus("orders").await);
    let mut ears = [one.listen("orders.v1"), two.listen("orders.v1")];
    until("they are there", async || one.report().is_ok() && two.report().is_ok()).await;
    for ear in &mut ears {
        assert!(ear.next().await.is_none(), "what was before is unknown");
    }
    publish(&one, Envelope::of("users", Uuid::now_v7(), &UserDeleted {})).await;
    let told = Envelope::of("orders", Uuid::now_v7(), &OrderPlaced { number: 1 });
    publish(&one, told.clone()).await;
    for ear in &mut ears {
        let heard = ear.next().await.unwrap();
        assert_eq!(format!("{heard:?}"), format!("{told:?}"));
    }
}

#[tokio::test]
async fn a_listener_is_told_that_it_may_have_missed_something() {
    let Some(mut stage) = Stage::set().await else { return };
    let bus = stage.bus("orders").await;
    let mut ear = bus.listen("orders.v1");
    assert!(ear.next().await.is_none());
    stage.nats.start_again().await;
    assert!(ear.next().await.is_none());
    let told = Envelope::of("orders", Uuid::now_v7(), &OrderPlaced { number: 1 });
    publish(&bus, told.clone()).await;
    assert_eq!(ear.next().await.unwrap().id, told.id);
}
