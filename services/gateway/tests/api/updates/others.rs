//! An instance that leaves, and those who take over.

use std::{net::SocketAddr, time::Duration};

use discovery::Registration;
use futures::channel::mpsc::UnboundedSender;
use proto::orders::v1 as pb;
use tokio::time::{self, Instant, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{Listening, confirmed, pending, watch};
use crate::{
    harness::Gateway,
    stubs::{State, Stub},
};

/// Somebody who has heard of the first state, and what he hears next of.
async fn half_way(gateway: &Gateway) -> (Listening, UnboundedSender<State>) {
    let script = gateway.orders.script();
    script.unbounded_send(pending()).unwrap();
    let mut listening = gateway.listen(watch()).await;
    listening.expect_retry().await;
    listening.expect(1, "pending").await;
    (listening, script)
}

#[tokio::test]
async fn another_instance_goes_on_where_one_has_left() {
    let gateway = Gateway::start().await;
    let (mut listening, first) = half_way(&gateway).await;
    let second = gateway.orders.script();
    first.unbounded_send(Err(Status::unavailable("about to leave"))).unwrap();
    // What was told already is not told again, whatever the other says.
    for state in [pending(), confirmed()] {
        second.unbounded_send(state).unwrap();
    }
    listening.expect(2, "confirmed").await;
    assert_eq!(gateway.orders.asked::<pb::WatchOrderRequest>().after_version, 1);
    drop(second);
    assert_eq!(listening.next().await, None);
    assert_eq!(gateway.orders.calls(), 2);
}

#[tokio::test]
async fn an_instance_that_leaves_can_go_at_once() {
    let gateway = Gateway::start_with(|config| config.orders_url = "consul:///orders".parse().unwrap()).await;
    let (leaver, heir) = (Stub::default(), Stub::default());
    let (leaving, registered) = (CancellationToken::new(), CancellationToken::new());
    let (address, serving) = leaver.serve_until(leaving.clone()).await;
    appear(&gateway, address, registered.clone());
    let script = leaver.script();
    script.unbounded_send(pending()).unwrap();
    let mut listening = gateway.listen(watch()).await;
    listening.expect_retry().await;
    listening.expect(1, "pending").await;

    appear(&gateway, heir.serve_until(CancellationToken::new()).await.0, CancellationToken::new());
    registered.cancel();
    leaving.cancel();
    script.unbounded_send(Err(Status::unavailable("about to leave"))).unwrap();
    drop(script);
    timeout(Duration::from_secs(5), serving).await.expect("nothing holds it up").unwrap().unwrap();
    listening.expect(2, "confirmed").await;
    assert_eq!(listening.next().await, None);
    assert_eq!(heir.asked::<pb::WatchOrderRequest>().after_version, 1);
}

/// An instance of orders is registered until the token is cancelled.
fn appear(gateway: &Gateway, address: SocketAddr, until: CancellationToken) {
    let (registry, registration) = (gateway.registry.clone(), Registration::grpc("orders", "0.0.0", address, address));
    tokio::spawn(async move { registry.register(registration, until).await });
}

#[tokio::test]
async fn one_that_cannot_go_on_either_is_not_the_last() {
    let gateway = Gateway::start().await;
    let (mut listening, first) = half_way(&gateway).await;
    gateway.orders.set(|answers| answers.first_failure = Some(Status::unavailable("no room here")));
    let second = gateway.orders.script();
    second.unbounded_send(Err(Status::unavailable("about to leave, too"))).unwrap();
    first.unbounded_send(Err(Status::unavailable("about to leave"))).unwrap();
    let third = gateway.orders.script();
    third.unbounded_send(confirmed()).unwrap();
    listening.expect(2, "confirmed").await;
}

#[tokio::test]
async fn when_nobody_takes_over_the_stream_ends_after_some_seconds() {
    let gateway = Gateway::start().await;
    let (mut listening, script) = half_way(&gateway).await;
    gateway.orders.fail(Status::unavailable("moving to 10.0.0.7"));
    time::pause();
    let start = Instant::now();
    script.unbounded_send(Err(Status::unavailable("about to leave"))).unwrap();
    assert_eq!(listening.next().await, None);
    assert!((9..13).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_quiet_time_is_no_trouble() {
    let gateway = Gateway::start().await;
    let (mut listening, first) = half_way(&gateway).await;
    time::pause();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        assert_eq!(listening.next().await.as_deref(), Some(":"));
    }
    time::resume();
    let second = gateway.orders.script();
    second.unbounded_send(confirmed()).unwrap();
    first.unbounded_send(Err(Status::unavailable("about to leave"))).unwrap();
    listening.expect(2, "confirmed").await;
}

#[tokio::test]
async fn any_other_failure_ends_the_stream_and_tells_nothing() {
    for failure in [Status::internal("row 7"), Status::not_found("row 7"), Status::unauthenticated("row 7")] {
        let gateway = Gateway::start().await;
        let (mut listening, script) = half_way(&gateway).await;
        script.unbounded_send(Err(failure)).unwrap();
        assert_eq!(listening.next().await, None);
        assert_eq!(gateway.orders.calls(), 1);
    }
}
