//! What is tried again, and how often.

use rpc::ClientConfig;
use tonic::{Code, Status};

use super::{
    by_hand::{ByHand, Then},
    echo::Echo,
    fleet::{Caller, Fleet},
};

fn out_of_order() -> Status {
    Status::unavailable("out of order")
}

#[tokio::test]
async fn what_may_be_repeated_is() {
    let echo = Echo::failing_once(out_of_order);
    assert_eq!(Caller::of(&echo).await.read("hello").await.unwrap(), "hello");
    assert_eq!(echo.calls(), 2);
}

#[tokio::test]
async fn what_may_not_is_not() {
    let echo = Echo::failing_once(out_of_order);
    let status = Caller::of(&echo).await.write("hello").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "out of order"));
    assert_eq!(echo.calls(), 1);
}

#[tokio::test]
async fn twice_is_enough() {
    let echo = Echo::failing(out_of_order);
    assert_eq!(Caller::of(&echo).await.read("").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(echo.calls(), 3);
}

#[tokio::test]
async fn an_answer_is_an_answer() {
    for code in (1..=16).map(Code::from_i32).filter(|code| *code != Code::Unavailable) {
        let echo = Echo::failing(move || Status::new(code, "no"));
        assert_eq!(Caller::of(&echo).await.read("").await.unwrap_err().code(), code);
        assert_eq!(echo.calls(), 1, "{code:?}");
    }
}

#[tokio::test]
async fn so_is_a_stream_that_the_server_ends() {
    let server = ByHand::start(|_, respond| {
        respond.send_reset(h2::Reason::CANCEL);
        Then::GoOn
    });
    let server = server.await;
    assert_eq!(Caller::at(server.address).read("").await.unwrap_err().code(), Code::Cancelled);
    assert_eq!(server.calls(), 1);
}

#[tokio::test]
async fn without_a_budget_there_are_no_retries() {
    let (fleet, echo) = (Fleet::new(), Echo::failing_once(out_of_order));
    fleet.start(&echo).await;
    let none = ClientConfig { retry_percent: 0, retry_min_per_s: 0, ..ClientConfig::default() };
    assert_eq!(fleet.caller(&none).read("").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(echo.calls(), 1);
}

#[tokio::test]
async fn retries_are_a_small_part_of_all_calls() {
    let (fleet, echo) = (Fleet::new(), Echo::failing(out_of_order));
    fleet.start(&echo).await;
    let some = ClientConfig { retry_percent: 20, retry_min_per_s: 0, ..ClientConfig::default() };
    fleet.caller(&some).read_often(200).await;
    assert_eq!(echo.calls(), 240);
}
