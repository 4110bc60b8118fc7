//! Calls to a service that nobody knows of, or of which nobody is there.

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tonic::{Code, Request};

use super::{
    echo::{Echo, READ},
    fleet::{Fleet, Instance, dead_address, generous},
};

#[tokio::test]
async fn a_call_waits_for_the_first_instance() {
    let fleet = Fleet::new();
    let caller = fleet.caller(&generous());
    let calls = tokio::spawn({
        let caller = caller.clone();
        async move { (caller.write("hello").await, caller.watch("first").await.map(drop)) }
    });
    tokio::task::yield_now().await;
    fleet.start(&Echo::plain()).await;
    let (write, watch) = calls.await.unwrap();
    assert_eq!(write.unwrap(), "hello");
    watch.unwrap();
}

#[tokio::test(start_paused = true)]
async fn but_not_beyond_its_deadline() {
    let caller = Fleet::new().caller(&generous());
    let began = Instant::now();
    let mut request = Request::new(String::new());
    request.set_timeout(Duration::from_millis(100));
    assert_eq!(caller.call(READ, request).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert!((100..110).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(caller.read("").await.unwrap_err().code(), Code::DeadlineExceeded);
    assert!((5_100..5_120).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
}

#[tokio::test]
async fn where_nobody_is_there_a_call_says_so_at_once() {
    let (fleet, addresses) = (Fleet::new(), [dead_address().await, dead_address().await]);
    addresses.iter().for_each(|address| drop(fleet.join(*address)));
    let caller = fleet.caller(&generous());
    let began = Instant::now();
    let status = caller.read("").await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(rpc::status::retry_after(&status), Some(Duration::from_secs(1)));
    for secret in ["127.0.0.1", "refused", "os error"] {
        assert!(!status.message().contains(secret), "{status}");
    }
}

#[tokio::test]
async fn so_it_does_when_the_last_one_has_left() {
    let fleet = Fleet::new();
    let leaving = fleet.join(Instance::start(&Echo::plain()).await.address);
    let caller = fleet.caller(&generous());
    caller.read("").await.unwrap();
    leaving.cancel();
    caller.sees("0 instances").await;
    assert_eq!(caller.read("").await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn an_instance_that_comes_back_is_found_within_about_a_second() {
    let (fleet, echo) = (Fleet::new(), Echo::plain());
    let first = fleet.start(&echo).await;
    let caller = fleet.caller(&generous());
    caller.read("").await.unwrap();
    let address = first.address;
    first.stop().await;
    caller.sees("0 up").await;
    assert_eq!(caller.read("").await.unwrap_err().code(), Code::Unavailable);
    let _second = Instance::start_at(address, &echo).await;
    timeout(Duration::from_millis(1_500), caller.sees("1 up")).await.unwrap();
    caller.read("").await.unwrap();
}
