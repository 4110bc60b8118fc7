//! What the public port bears: how many connections, how slow, how large.

mod http2;

use std::{ops::Range, time::Duration};

use tokio::time::{self, Instant};

use crate::{
    harness::Gateway,
    wire::{CREDENTIALS, LAST, PRODUCTS, Wire, served, sign_in},
};

/// How long this takes while nothing but time is waited for.
async fn takes<T>(work: impl Future<Output = T>, seconds: Range<u64>) -> T {
    time::pause();
    let start = Instant::now();
    let outcome = work.await;
    let limits = Duration::from_secs(seconds.start)..Duration::from_secs(seconds.end);
    assert!(limits.contains(&start.elapsed()), "{:?}", start.elapsed());
    time::resume();
    outcome
}

#[tokio::test]
async fn a_head_that_comes_too_slowly_is_not_waited_for() {
    let gateway = Gateway::start().await.serve().await;
    let quiet = Wire::to(gateway).await;
    assert_eq!(takes(quiet.dribble(""), 10..12).await, "");
    let slow = Wire::to(gateway).await;
    assert_eq!(takes(slow.dribble(PRODUCTS), 10..12).await, "");
}

#[tokio::test]
async fn the_next_head_has_as_much_time_as_the_first() {
    let gateway = Gateway::start().await.serve().await;
    let mut wire = Wire::to(gateway).await;
    wire.send(PRODUCTS).await;
    assert!(wire.answer().await.starts_with("HTTP/1.1 200 OK"));
    // Nobody hurries until it begins.
    takes(time::sleep(Duration::from_secs(50)), 50..51).await;
    assert_eq!(takes(wire.dribble(PRODUCTS), 11..13).await, "");
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed() {
    let gateway = Gateway::start().await.serve().await;
    let mut wire = Wire::to(gateway).await;
    for _ in 0..2 {
        wire.send(PRODUCTS).await;
        assert!(wire.answer().await.starts_with("HTTP/1.1 200 OK"));
        takes(time::sleep(Duration::from_secs(55)), 55..56).await;
    }
    assert_eq!(takes(wire.rest(), 4..7).await, "");
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_the_clients_doing() {
    let gateway = Gateway::start().await;
    let address = gateway.serve().await;
    let mut wire = Wire::to(address).await;
    wire.send(sign_in()).await;
    let answer = takes(wire.dribble(CREDENTIALS), 5..8).await;
    assert!(answer.starts_with("HTTP/1.1 408 Request Timeout"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    assert!(answer.contains("the body did not arrive in time"), "{answer}");
    assert_eq!(gateway.users.calls(), 0);
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let gateway = Gateway::start().await.serve().await;
    let long = format!("GET /v1/products HTTP/1.1\r\nHost: shop.example\r\nX-Long: {}\r\n\r\n", "x".repeat(17 * 1024));
    let many = "X-Many: 1\r\n".repeat(101);
    let many = format!("GET /v1/products HTTP/1.1\r\nHost: shop.example\r\n{many}\r\n");
    for head in [long, many] {
        let mut wire = Wire::to(gateway).await;
        wire.send(head).await;
        let answer = wire.rest().await;
        assert!(answer.starts_with("HTTP/1.1 431 Request Header Fields Too Large"), "{answer}");
    }
    let fits = format!("X-Long: {}\r\n\r\n", "x".repeat(15 * 1024));
    let mut wire = Wire::to(gateway).await;
    wire.send(LAST.replace("\r\n\r\n", &format!("\r\n{fits}"))).await;
    assert!(wire.rest().await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn who_sends_a_body_that_is_too_large_is_told_so() {
    let gateway = Gateway::start().await.serve().await;
    let mut wire = Wire::to(gateway).await;
    wire.send(sign_in().replace(&format!("Length: {}", CREDENTIALS.len()), "Length: 1000000")).await;
    // Not all of it: nobody reads so much.
    wire.send(vec![b' '; 100_000]).await;
    let answer = wire.rest().await;
    assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large"), "{answer}");
}

#[tokio::test]
async fn one_address_may_have_so_many_connections_and_no_more() {
    let mut gateway = Gateway::start().await;
    gateway.edge.max_connections_per_address = 2;
    let address = gateway.serve().await;
    let mut open = [Wire::to(address).await, Wire::to(address).await];
    for wire in &mut open {
        wire.send(PRODUCTS).await;
        assert!(wire.answer().await.starts_with("HTTP/1.1 200 OK"));
    }
    assert_eq!(Wire::to(address).await.rest().await, "");
    // Those that are there go on, and when one goes there is room again.
    let [mut first, second] = open;
    drop(second);
    first.send(PRODUCTS).await;
    assert!(first.answer().await.starts_with("HTTP/1.1 200 OK"));
    assert!(served(address).await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn there_may_be_so_many_connections_in_all_whoever_has_them() {
    let mut gateway = Gateway::start().await;
    gateway.edge.max_connections = 1;
    // Whom the limit of one address does not concern.
    gateway.edge.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    gateway.edge.max_connections_per_address = 1;
    let address = gateway.serve().await;
    let mut only = Wire::to(address).await;
    only.send(PRODUCTS).await;
    only.answer().await;
    assert_eq!(Wire::to(address).await.rest().await, "");
    drop(only);
    assert!(served(address).await.starts_with("HTTP/1.1 200 OK"));
}
