//! The proxy in front of several instances: those that answer, and those that do not.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use discovery::{Peer, Registration};
use futures::future::join_all;
use tokio::{
    io::AsyncReadExt,
    net::TcpStream,
    sync::{Barrier, Notify},
    task::yield_now,
    time::{self, Instant},
};
use tokio_util::sync::CancellationToken;

use super::{JWKS, Upstream, in_front_of, serve};
use crate::harness::{Answer, Gateway, bare};

/// Where connections are refused.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

fn users() -> Peer {
    "consul:///users".parse().unwrap()
}

async fn gateway() -> Gateway {
    Gateway::start_with(|config| config.users_http_url = users()).await
}

/// In front of these instances, all of them known.
async fn in_front_of_all<const N: usize>(instances: [SocketAddr; N]) -> Gateway {
    let gateway = gateway().await;
    instances.iter().for_each(|instance| appear(&gateway, *instance));
    let known = gateway.registry.watch_http(&users()).unwrap();
    while known.in_turn().len() < N {
        yield_now().await;
    }
    gateway
}

/// An instance is registered, and stays so.
fn appear(gateway: &Gateway, address: SocketAddr) {
    let registration = Registration::grpc("users", "0.0.0", address, address).with_http(address);
    let registry = gateway.registry.clone();
    tokio::spawn(async move { registry.register(registration, CancellationToken::new()).await });
}

async fn post(gateway: &Gateway, body: &'static str) -> Answer {
    gateway.send(bare("POST", JWKS).map(|_| Body::from(body))).await
}

/// Accepts connections, reads until `enough` has come, and closes them; counts them.
async fn closes_when(enough: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, address) = testkit::listener().await;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, SeqCst);
            read_until(stream, enough).await;
        }
    });
    (address, count)
}

async fn read_until(mut stream: TcpStream, enough: &str) {
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains(enough) && stream.read_buf(&mut seen).await.unwrap() > 0 {}
}

#[tokio::test]
async fn requests_are_spread_evenly() {
    let upstreams = [Upstream::default(), Upstream::default()];
    let gateway = in_front_of_all([upstreams[0].serve().await, upstreams[1].serve().await]).await;
    for _ in 0..10 {
        assert_eq!(gateway.get(JWKS).await.status, 418);
    }
    assert_eq!(upstreams.map(|upstream| upstream.seen().len()), [5, 5]);
}

#[tokio::test]
async fn an_instance_that_refuses_connections_costs_nothing_but_a_try() {
    let good = Upstream::default();
    let gateway = in_front_of_all([NOBODY, good.serve().await]).await;
    for _ in 0..4 {
        assert_eq!(gateway.get(JWKS).await.status, 418);
        assert_eq!(post(&gateway, "grant_type=x").await.status, 418);
    }
    let seen = good.seen();
    assert_eq!(seen.len(), 8);
    for seen in seen.iter().filter(|seen| seen.method == "POST") {
        assert_eq!(seen.body, "grant_type=x");
    }
}

#[tokio::test]
async fn what_has_no_effect_twice_is_asked_elsewhere_when_the_answer_fails_to_come() {
    let good = Upstream::default();
    let (bad, connections) = closes_when("\r\n\r\n").await;
    let gateway = in_front_of_all([bad, good.serve().await]).await;
    for _ in 0..4 {
        assert_eq!(gateway.get(JWKS).await.status, 418);
    }
    assert_eq!((good.seen().len(), connections.load(SeqCst)), (4, 2));
}

#[tokio::test]
async fn what_may_have_had_an_effect_is_not_sent_twice() {
    let good = Upstream::default();
    let (bad, connections) = closes_when("grant_type=x").await;
    let gateway = in_front_of_all([bad, good.serve().await]).await;
    let answers = [post(&gateway, "grant_type=x").await, post(&gateway, "grant_type=x").await];
    let (failed, answered): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 503);
    assert_eq!((failed.len(), answered.len()), (1, 1));
    failed[0].problem(503);
    assert_eq!(failed[0].header("retry-after"), Some("1"));
    assert!(!format!("{failed:?}").contains("127.0.0.1"), "{failed:?}");
    assert_eq!((good.seen().len(), connections.load(SeqCst)), (1, 1));
}

#[tokio::test]
async fn when_none_of_them_can_be_reached_it_is_a_503() {
    let (bad, connections) = closes_when("\r\n\r\n").await;
    let gateway = in_front_of_all([NOBODY, bad]).await;
    let answer = gateway.get(JWKS).await;
    answer.problem(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(!format!("{answer:?}").contains("127.0.0.1"), "{answer:?}");
    assert_eq!(connections.load(SeqCst), 1);
}

#[tokio::test]
async fn an_instance_that_hangs_is_a_504_when_the_time_is_over() {
    let reached = Arc::new(Notify::new());
    let told = reached.clone();
    let upstream = Router::new().fallback(async move || {
        told.notify_one();
        pending::<()>().await;
    });
    let gateway = in_front_of(serve(upstream).await).await;
    let start = Instant::now();
    let stalls = async {
        reached.notified().await;
        time::pause();
    };
    let (answer, ()) = tokio::join!(gateway.get(JWKS), stalls);
    answer.problem(504);
    assert!(start.elapsed() > Duration::from_millis(4900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn nobody_who_is_known_is_waited_for_until_the_time_is_over() {
    let gateway = gateway().await;
    time::pause();
    let start = Instant::now();
    gateway.get(JWKS).await.problem(504);
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_request_that_waits_goes_to_whoever_appears() {
    let gateway = gateway().await;
    let upstream = Upstream::default();
    let address = upstream.serve().await;
    // The request is made first: nobody is there yet.
    let (answer, ()) = tokio::join!(gateway.get(JWKS), async { appear(&gateway, address) });
    assert_eq!(answer.status, 418);
}

#[tokio::test]
async fn requests_do_not_wait_for_each_other() {
    let all = Arc::new(Barrier::new(8));
    let upstream = Router::new().fallback(async move || {
        all.wait().await;
    });
    let gateway = in_front_of(serve(upstream).await).await;
    for answer in join_all((0..8).map(|_| gateway.get(JWKS))).await {
        assert_eq!(answer.status, 200);
    }
}
