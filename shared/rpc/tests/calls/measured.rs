//! What is counted of the way to a peer: calls, retries, ejections, and how many instances are in which state.

use rpc::{ClientConfig, Policy};
use testkit::told::{self, metric};
use tonic::{Code, Status};

use super::{
    echo::Echo,
    fleet::{Fleet, by, dead_address, generous, until},
};

/// A fleet whose measurements nobody else makes, since its name is nobody else's.
fn told_of(name: &'static str) -> Fleet {
    told::listen();
    Fleet::named(name)
}

fn instances(peer: &str, state: &str) -> Option<f64> {
    metric("rpc_client_instances", &[("server_address", peer), ("state", state)])
}

#[tokio::test]
async fn calls_are_counted_by_peer_method_and_outcome() {
    let (fleet, peer) = (told_of("calls"), ("server_address", "calls"));
    let echo = Echo::failing_once(|| Status::not_found("no such thing"));
    fleet.start(&echo).await;
    let caller = fleet.caller(&ClientConfig::default());
    caller.read("").await.unwrap_err();
    caller.read("").await.unwrap();
    caller.read("").await.unwrap();
    caller.write("").await.unwrap();
    let count = |method: &str, outcome| {
        let labels = [peer, ("rpc_system_name", "grpc"), ("rpc_method", method), outcome];
        metric("rpc_client_call_duration_seconds_count", &labels)
    };
    assert_eq!(count("echo.v1.Echo/Read", ("rpc_response_status_code", "OK")), Some(2.0));
    assert_eq!(count("echo.v1.Echo/Read", ("error_type", "NOT_FOUND")), Some(1.0));
    assert_eq!(count("echo.v1.Echo/Write", ("rpc_response_status_code", "OK")), Some(1.0));
    assert_eq!(metric("rpc_client_call_duration_seconds_count", &[peer]), Some(4.0));
}

#[tokio::test]
async fn a_server_counts_what_it_answers() {
    let (fleet, method) = (told_of("answered"), ("rpc_method", "echo.v1.Echo/Collect"));
    // No other test calls this method so that it fails for this reason.
    let labels = [method, ("rpc_response_status_code", "DATA_LOSS"), ("error_type", "DATA_LOSS")];
    fleet.start(&Echo::failing(|| Status::data_loss("all gone"))).await;
    let caller = fleet.caller(&ClientConfig::default());
    let status = caller.collect(futures::stream::iter(["one".to_owned()])).await.unwrap_err();
    assert_eq!(status.code(), Code::DataLoss);
    assert_eq!(metric("rpc_server_call_duration_seconds_count", &labels), Some(1.0));
}

#[tokio::test]
async fn every_retry_is_counted() {
    let (fleet, peer) = (told_of("retried"), [("server_address", "retried")]);
    let retries = || metric("rpc_client_retries_total", &peer);
    let echo = Echo::failing(|| Status::unavailable("out of order"));
    fleet.start(&echo).await;
    let caller = fleet.caller(&generous());
    assert_eq!(retries(), Some(0.0), "it is there before the first one");
    caller.write("").await.unwrap_err();
    assert_eq!(retries(), Some(0.0));
    caller.read("").await.unwrap_err();
    assert_eq!((retries(), echo.calls()), (Some(2.0), 4));
    // However often it was tried, it was one call.
    assert_eq!(metric("rpc_client_call_duration_seconds_count", &peer), Some(2.0));
}

#[tokio::test]
async fn an_ejection_is_counted_and_seen() {
    let (fleet, peer) = (told_of("ejected"), [("server_address", "ejected")]);
    let ejections = || metric("rpc_client_ejections_total", &peer);
    fleet.start(&Echo::failing(|| Status::unavailable("out of order"))).await;
    fleet.start(&Echo::plain()).await;
    let caller = fleet.caller(&by(Policy::RoundRobin));
    caller.sees("2 up").await;
    assert_eq!(ejections(), Some(0.0), "it is there before the first one");
    // Each of them has a half.
    for _ in 0..10 {
        caller.write("").await.ok();
    }
    assert_eq!(ejections(), Some(1.0));
    assert_eq!((instances("ejected", "ejected"), instances("ejected", "up")), (Some(1.0), Some(1.0)));
}

#[tokio::test]
async fn instances_are_counted_by_their_state_for_as_long_as_somebody_calls_them() {
    let fleet = told_of("counted");
    let _well = fleet.start(&Echo::plain()).await;
    let other = fleet.start(&Echo::plain()).await;
    fleet.join(dead_address().await);
    let states = || ["connecting", "up", "down", "ejected"].map(|state| instances("counted", state));
    assert_eq!(states(), [None; 4]);
    let caller = fleet.caller(&generous());
    until("two are up", || states() == [Some(0.0), Some(2.0), Some(1.0), Some(0.0)]).await;
    other.stop().await;
    until("one is up", || states() == [Some(0.0), Some(1.0), Some(2.0), Some(0.0)]).await;
    drop(caller);
    until("nobody calls", || states() == [None; 4]).await;
}
