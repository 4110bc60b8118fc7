//! Nothing waits longer than it may.

use std::{future::pending, time::Duration};

use rpc::deadline;
use tokio::{
    net::TcpListener,
    time::{self, Instant},
};
use tonic::{Code, Request, Response, Status};

use super::{
    by_hand::{self, ByHand, Then},
    echo::{Answer, Echo, READ},
    fleet::{Caller, until},
};

/// Longer than any of the limits here, shorter than the 5 s that a call has by itself.
const LONG: Duration = Duration::from_secs(2);

const SHORT: Duration = Duration::from_millis(200);

/// Reads with a limit of 200 ms; what is heard has to be heard in time.
async fn read_within_limit(caller: &Caller) -> Status {
    let began = Instant::now();
    let mut request = Request::new(String::new());
    request.set_timeout(SHORT);
    let status = caller.call(READ, request).await.unwrap_err();
    assert!((SHORT / 2..LONG).contains(&began.elapsed()), "{:?}", began.elapsed());
    status
}

/// Forgets the deadline.
fn stubborn() -> Echo {
    Echo::new(|_, _| pending::<Answer>())
}

#[tokio::test]
async fn an_instance_that_does_not_answer_is_given_up() {
    let caller = Caller::of(&stubborn()).await;
    assert_eq!(read_within_limit(&caller).await.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn so_is_one_that_pays_no_heed_to_the_deadline() {
    let server = ByHand::start(|_, _| Then::GoOn).await;
    assert_eq!(read_within_limit(&Caller::at(server.address)).await.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn and_one_that_answers_by_halves() {
    let server = ByHand::start(|_, respond| {
        // The stream is held elsewhere: to let go of it here does not end it.
        respond.send_response(by_hand::head(), false).unwrap().send_data("\0\0".into(), false).unwrap();
        Then::GoOn
    });
    assert_eq!(read_within_limit(&Caller::at(server.await.address)).await.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn and_one_that_never_accepts_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let caller = Caller::at(listener.local_addr().unwrap());
    assert_eq!(read_within_limit(&caller).await.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn who_has_more_time_learns_that_nobody_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let status = Caller::at(listener.local_addr().unwrap()).read("").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_call_without_a_deadline_has_five_seconds() {
    let echo = stubborn();
    let caller = Caller::of(&echo).await;
    let call = tokio::spawn(async move { caller.write("").await });
    until("the call arrives", || echo.calls() == 1).await;
    time::pause();
    time::advance(Duration::from_millis(4_900)).await;
    assert!(!call.is_finished());
    time::advance(Duration::from_millis(200)).await;
    time::resume();
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn the_time_of_the_work_around_a_call_limits_it() {
    let caller = Caller::of(&stubborn()).await;
    let mut request = Request::new(String::new());
    request.set_timeout(Duration::from_secs(60));
    let call = deadline::within(SHORT, caller.call(READ, request)).await;
    assert_eq!(call.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn each_hop_has_less_time_than_the_one_before() {
    let told = |request: &Request<String>| {
        let timeout = request.metadata().get("grpc-timeout").unwrap().to_str().unwrap();
        timeout.strip_suffix('u').unwrap().to_owned()
    };
    let last = Caller::of(&Echo::new(move |_, request| async move { Ok(Response::new(told(&request))) })).await;
    let middle = Echo::new(move |_, request| {
        let (mine, last) = (told(&request), last.clone());
        async move { Ok(Response::new(format!("{mine} {}", last.read("").await?))) }
    });
    let first = Caller::of(&middle).await;
    let heard = deadline::within(LONG, first.read("")).await.unwrap().unwrap();
    let times: Vec<_> = heard.split(' ').map(|time| Duration::from_micros(time.parse().unwrap())).collect();
    assert!(LONG > times[0] && times[0] > times[1] && times[1] > LONG / 2, "{times:?}");
}

#[tokio::test]
async fn a_retry_without_an_answer_does_not_hide_the_failure_before_it() {
    let echo = Echo::new(|call, _| async move {
        match call {
            1 => Err(Status::unavailable("out of order")),
            _ => pending().await,
        }
    });
    let status = read_within_limit(&Caller::of(&echo).await).await;
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "out of order"));
    assert_eq!(echo.calls(), 2);
}

#[tokio::test]
async fn a_stream_begins_within_its_deadline_and_then_goes_on() {
    let echo = Echo::plain();
    let caller = Caller::of(&echo).await;
    let mut stream = deadline::within(SHORT, caller.watch("first")).await.unwrap().unwrap();
    time::pause();
    time::advance(2 * SHORT).await;
    time::resume();
    stream.message().await.unwrap().unwrap();

    let caller = Caller::of(&stubborn()).await;
    let stream = deadline::within(SHORT, caller.watch("first")).await.unwrap();
    assert_eq!(stream.unwrap_err().code(), Code::DeadlineExceeded);
}
