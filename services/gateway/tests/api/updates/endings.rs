//! How a stream goes on while nothing happens, and how it ends.

use std::time::Duration;

use tokio::{
    io::AsyncReadExt,
    time::{self, Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{ORDER, confirmed, pending, watch};
use crate::{harness::Gateway, wire::Wire};

impl Wire {
    /// Asks for an order's events.
    async fn watch(&mut self, gateway: &Gateway) {
        let token = gateway.authorization.to_str().unwrap();
        let head =
            format!("GET /v1/orders/{ORDER}/events HTTP/1.1\r\nHost: shop.example\r\nAuthorization: {token}\r\n\r\n");
        self.send(head).await;
    }

    /// Reads until this has come, and not for ever.
    async fn hears(&mut self, text: &str) -> String {
        let mut heard = Vec::new();
        let read = async {
            while !String::from_utf8_lossy(&heard).contains(text) {
                assert_ne!(self.0.read_buf(&mut heard).await.unwrap(), 0, "it ends");
            }
        };
        timeout(Duration::from_secs(10), read).await.unwrap_or_else(|_| panic!("waited in vain for {text}"));
        String::from_utf8(heard).unwrap()
    }
}

#[tokio::test]
async fn while_nothing_happens_something_is_said() {
    let gateway = Gateway::start().await;
    let script = gateway.orders.script();
    let mut listening = gateway.listen(watch()).await;
    listening.expect_retry().await;
    time::pause();
    let start = Instant::now();
    for seconds in [15, 30, 45] {
        assert_eq!(listening.next().await.as_deref(), Some(":"));
        assert_eq!(start.elapsed().as_secs(), seconds);
    }
    time::resume();
    script.unbounded_send(pending()).unwrap();
    listening.expect(1, "pending").await;
    assert_eq!(gateway.orders.calls(), 1);
}

#[tokio::test]
async fn after_ten_minutes_it_ends_and_whoever_listens_is_asked_to_come_back() {
    let gateway = Gateway::start().await;
    let _script = gateway.orders.script();
    let mut listening = gateway.listen(watch()).await;
    listening.expect_retry().await;
    time::pause();
    let start = Instant::now();
    let last = loop {
        match listening.next().await.expect("it is told first") {
            comment if comment == ":" => {}
            last => break last,
        }
    };
    assert!(last.starts_with("retry: "), "{last}");
    assert_eq!(listening.next().await, None);
    assert!((540..=600).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn who_hangs_up_is_not_told_of_any_more() {
    let gateway = Gateway::start().await;
    let script = gateway.orders.script();
    script.unbounded_send(pending()).unwrap();
    let mut wire = Wire::to(gateway.serve().await).await;
    wire.watch(&gateway).await;
    wire.hears("id: 1").await;
    assert!(!script.is_closed());
    drop(wire);
    let ends = async {
        while !script.is_closed() {
            time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(10), ends).await.expect("the service is told");
}

#[tokio::test]
async fn who_does_not_read_is_not_waited_for_and_little_is_kept_for_him() {
    let gateway = Gateway::start().await;
    let script = gateway.orders.script();
    for version in 1..100 {
        script.unbounded_send(super::state(proto::orders::v1::OrderStatus::Pending, version)).unwrap();
    }
    let mut listening = gateway.listen(watch()).await;
    let ends = async {
        while !script.is_closed() {
            time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(10), ends).await.expect("the service need not go on");
    listening.expect_retry().await;
    let mut kept = 0;
    while listening.next().await.is_some() {
        kept += 1;
    }
    assert!((1..8).contains(&kept), "{kept}");
}

#[tokio::test]
async fn when_the_gateway_leaves_every_stream_ends_as_it_should() {
    let gateway = Gateway::start().await;
    let shutdown = CancellationToken::new();
    let (address, serving) = gateway.serve_until(shutdown.clone()).await;
    let script = gateway.orders.script();
    script.unbounded_send(pending()).unwrap();
    let mut wire = Wire::to(address).await;
    wire.watch(&gateway).await;
    wire.hears("id: 1").await;
    // Not to be ready any more is not yet to leave.
    gateway.health.set(lifecycle::State::Draining);
    script.unbounded_send(confirmed()).unwrap();
    wire.hears("id: 2").await;
    shutdown.cancel();
    let rest = timeout(Duration::from_secs(5), wire.rest()).await.expect("nobody waits for it");
    assert!(rest.contains("retry: ") && rest.ends_with("\r\n0\r\n\r\n"), "{rest:?}");
    timeout(Duration::from_secs(5), serving).await.expect("nor for the gateway").unwrap().unwrap();
}
