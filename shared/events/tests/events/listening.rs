//! Those who listen, and remember nothing.

use events::{Bus, Envelope};
use uuid::Uuid;

use crate::harness::{Shouted, said};

#[tokio::test]
async fn every_listener_hears_of_its_package_only() {
    let bus = Bus::in_process(&[]);
    let mut ears = [bus.listen("tales.v1"), bus.listen("tales.v1")];
    let subject = Uuid::now_v7();
    let noise = Envelope::of("teller", Uuid::now_v7(), &Shouted { text: "!".to_owned() });
    bus.publish(vec![noise, Envelope::of("teller", subject, &said("a tale"))]).await;
    for ear in &mut ears {
        let heard = ear.next().await.unwrap();
        assert_eq!((heard.kind.as_str(), heard.source.as_str(), heard.subject), ("tales.v1.Said", "/teller", subject));
    }
}

#[tokio::test]
async fn whoever_listens_too_slowly_is_told_so() {
    let bus = Bus::in_process(&[]);
    let mut ear = bus.listen("tales.v1");
    let last = Uuid::now_v7();
    for _ in 0..2000 {
        bus.publish(vec![Envelope::of("teller", Uuid::now_v7(), &said("blah"))]).await;
    }
    bus.publish(vec![Envelope::of("teller", last, &said("the end"))]).await;
    assert!(ear.next().await.is_none(), "something was missed");
    while ear.next().await.unwrap().subject != last {}
}
