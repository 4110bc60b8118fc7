//! Streams: what begins them, what they cost while they go on, and how they end.

use std::time::Duration;

use futures::future::{join_all, try_join_all};
use rpc::{Policy, deadline};
use testkit::Logs;
use tokio::time::timeout;
use tonic::{Code, Request, Response, Status};

use super::{
    by_hand::{self, ByHand, Then},
    echo::Echo,
    fleet::{Caller, Fleet, Instance, by, until},
};

fn out_of_order() -> Status {
    Status::unavailable("out of order")
}

#[tokio::test]
async fn the_time_for_its_beginning_is_not_told_to_the_server() {
    let echo = Echo::new(|_, request| async move {
        let told = request.metadata().get("grpc-timeout");
        Ok(Response::new(format!("{told:?} {:?}", deadline::remaining())))
    });
    let caller = Caller::of(&echo).await;
    let mut request = Request::new(String::new());
    request.set_timeout(Duration::from_secs(9));
    let stream = deadline::within(Duration::from_secs(5), caller.watch_with(request)).await.unwrap();
    assert_eq!(stream.unwrap().message().await.unwrap().unwrap(), "None None");
}

#[tokio::test]
async fn one_that_cannot_begin_here_begins_elsewhere() {
    let echo = Echo::failing_once(out_of_order);
    let mut stream = Caller::of(&echo).await.watch("first").await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap(), "first");
    assert_eq!(echo.calls(), 2);
}

#[tokio::test]
async fn one_that_has_begun_does_not_begin_again_by_itself() {
    let echo = Echo::plain();
    let mut stream = Caller::of(&echo).await.watch("first").await.unwrap();
    stream.message().await.unwrap().unwrap();
    echo.end(Some(out_of_order()));
    let status = stream.message().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "out of order"));
    assert_eq!(echo.calls(), 1);
}

#[tokio::test]
async fn one_whose_connection_breaks_is_unavailable() {
    let server = ByHand::start(|call, respond| {
        if call > 1 {
            return Then::Cut;
        }
        let mut stream = respond.send_response(by_hand::head(), false).unwrap();
        stream.send_data(by_hand::framed("first"), false).unwrap();
        Then::GoOn
    });
    let caller = Caller::at(server.await.address);
    let mut stream = caller.watch("").await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap(), "first");
    caller.write("").await.unwrap_err();
    assert_eq!(stream.message().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn those_that_go_on_are_no_load() {
    let (fleet, echo) = (Fleet::new(), Echo::plain());
    fleet.start(&echo).await;
    let caller = fleet.caller(&by(Policy::PeakEwma));
    let mut streams = try_join_all((0..10).map(|_| caller.watch("first"))).await.unwrap();
    for stream in &mut streams {
        stream.message().await.unwrap().unwrap();
    }
    assert!(caller.0.report().contains("10 calls, 0 waiting"), "{}", caller.0.report());
}

#[tokio::test]
async fn an_instance_that_begins_none_is_ejected_as_one_that_fails() {
    let fleet = Fleet::new();
    fleet.start(&Echo::failing(out_of_order)).await;
    let good = fleet.start(&Echo::plain()).await;
    let caller = fleet.caller(&by(Policy::RoundRobin));
    caller.sees("2 up").await;
    for stream in join_all((0..20).map(|_| caller.watch("first"))).await {
        stream.unwrap();
    }
    assert!(caller.0.report().contains("1 ejected"), "{}", caller.0.report());
    assert_eq!(good.echo.calls(), 20);
}

#[tokio::test]
async fn a_thousand_of_them_leave_room_for_calls() {
    let (fleet, echo) = (Fleet::new(), Echo::plain());
    fleet.start(&echo).await;
    let caller = fleet.caller(&by(Policy::PeakEwma));
    let work = async {
        // No more at once than a server works on.
        let mut streams = Vec::new();
        for _ in 0..11 {
            streams.extend(try_join_all((0..100).map(|_| caller.watch("first"))).await.unwrap());
        }
        assert_eq!(echo.watchers(), 1100);
        caller.write("hello").await.unwrap()
    };
    assert_eq!(timeout(Duration::from_secs(20), work).await.expect("there is no room"), "hello");
}

#[tokio::test]
async fn who_reads_no_further_is_told_nothing_more() {
    let echo = Echo::plain();
    let stream = Caller::of(&echo).await.watch("first").await.unwrap();
    assert_eq!(echo.watchers(), 1);
    drop(stream);
    until("nobody watches", || echo.watchers() == 0).await;
}

#[tokio::test]
async fn a_failure_is_logged_when_it_comes() {
    let logs = Logs::capture();
    let echo = Echo::plain();
    let mut stream = Caller::of(&echo).await.watch("first").await.unwrap();
    stream.message().await.unwrap().unwrap();
    assert_eq!(logs.warnings("call failed").len(), 0);
    echo.end(Some(Status::data_loss("all gone")));
    stream.message().await.unwrap_err();
    until("it is logged", || logs.warnings("call failed").len() == 1).await;
    let line = logs.warnings("call failed").remove(0);
    assert!(line.contains("echo.v1.Echo/Watch") && line.contains("DataLoss"), "{line}");
}

#[tokio::test]
async fn a_server_that_stops_waits_for_those_that_its_services_do_not_end() {
    let echo = Echo::plain();
    let instance = Instance::start(&echo).await;
    let mut stream = Caller::at(instance.address).watch("first").await.unwrap();
    stream.message().await.unwrap().unwrap();
    instance.begin_to_stop();
    echo.say("still here");
    assert_eq!(stream.message().await.unwrap().unwrap(), "still here");
    echo.end(Some(out_of_order()));
    assert_eq!(stream.message().await.unwrap_err().code(), Code::Unavailable);
    timeout(Duration::from_secs(5), instance.stop()).await.expect("it ends when the last stream has");
}
