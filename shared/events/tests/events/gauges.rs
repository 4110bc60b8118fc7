//! What the metrics tell of an outbox.

use events::Bus;
use testkit::told::{listen, metric};
use uuid::Uuid;

use crate::harness::{Service, until};

#[tokio::test]
async fn the_outbox_tells_what_waits_and_what_is_dead() {
    listen();
    let teller = Service::new("gauged").await;
    for _ in 0..3 {
        teller.tell(Uuid::now_v7(), "in vain").await;
    }
    teller.run("update events.outbox set time = now() - interval '1 hour' where sequence = 1").await;
    teller.run("update events.outbox set dead_since = now() where sequence = 3").await;
    let _relay = teller.relay(&Bus::in_process(&["nobody"]));
    let gauge = |name| metric(name, &[("cloudevents_event_source", "/gauged")]);
    until("it is told", async || gauge("events_outbox_dead").is_some()).await;
    assert_eq!((gauge("events_outbox_waiting"), gauge("events_outbox_dead")), (Some(2.0), Some(1.0)));
    assert!((3600.0..3660.0).contains(&gauge("events_outbox_oldest_seconds").unwrap()));
}
