//! Watching an order: what is told, to whoever comes and whoever comes back.

mod endings;
mod limits;
mod others;

use std::{ops::Range, time::Duration};

use axum::{
    body::Body,
    http::{HeaderMap, Request, StatusCode},
};
use http_body_util::BodyExt;
use proto::orders::v1 as pb;
use rpc::status::unavailable;
use serde_json::{Value, json};
use tokio::time;
use tonic::Status;
use tower::ServiceExt;

use crate::{
    harness::{Gateway, bare, with},
    orders::placed,
    stubs::canned::{self, ORDER},
};

/// The milliseconds after which a client is asked to come back.
const RETRY: Range<u64> = 1000..3001;

fn watch() -> Request<Body> {
    bare("GET", &format!("/v1/orders/{ORDER}/events"))
}

fn watch_after(version: &str) -> Request<Body> {
    with(watch(), "last-event-id", version)
}

/// A state as a service tells it, in this version.
fn state(status: pb::OrderStatus, version: i64) -> Result<pb::WatchOrderResponse, Status> {
    let order = pb::Order { status: status.into(), ..canned::order() };
    Ok(pb::WatchOrderResponse { order: Some(order), version })
}

fn pending() -> Result<pb::WatchOrderResponse, Status> {
    state(pb::OrderStatus::Pending, 1)
}

fn confirmed() -> Result<pb::WatchOrderResponse, Status> {
    state(pb::OrderStatus::Confirmed, 2)
}

/// An answer that goes on.
struct Listening {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
    heard: String,
}

impl Gateway {
    async fn listen(&self, request: Request<Body>) -> Listening {
        let request = with(request, "authorization", self.authorization.clone());
        let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        Listening { status: head.status, headers: head.headers, body, heard: String::new() }
    }
}

impl Listening {
    /// What comes next between two empty lines; nothing after the last.
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.heard.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.heard = rest;
                return Some(block);
            }
            match self.body.frame().await {
                Some(frame) => self.heard.push_str(str::from_utf8(&frame.unwrap().into_data().unwrap()).unwrap()),
                None => {
                    assert_eq!(self.heard, "", "it breaks off");
                    return None;
                }
            }
        }
    }

    /// The next is when to come back.
    async fn expect_retry(&mut self) {
        let block = self.next().await.expect("the end comes first");
        assert!(RETRY.contains(&block.strip_prefix("retry: ").unwrap().parse().unwrap()), "{block}");
    }

    /// The next is the order in this state.
    async fn expect(&mut self, version: u64, status: &str) {
        let block = self.next().await.expect("the end comes first");
        let lines: Vec<_> = block.lines().collect();
        let id = format!("id: {version}");
        let ["event: order", told, data] = lines[..] else { panic!("{block}") };
        assert_eq!(told, id, "{block}");
        let order: Value = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(order["status"], status);
    }
}

#[tokio::test]
async fn the_states_of_an_order_come_as_they_happen() {
    let gateway = Gateway::start().await;
    let script = gateway.orders.script();
    script.unbounded_send(pending()).unwrap();
    let mut listening = gateway.listen(with(watch(), "accept-encoding", "gzip")).await;
    assert_eq!(listening.status, 200);
    listening.expect_retry().await;
    listening.expect(1, "pending").await;
    script.unbounded_send(confirmed()).unwrap();
    listening.expect(2, "confirmed").await;
    drop(script);
    assert_eq!(listening.next().await, None);
    let asked = pb::WatchOrderRequest { id: ORDER.to_owned(), after_version: 0 };
    assert_eq!(gateway.orders.asked::<pb::WatchOrderRequest>(), asked);
}

#[tokio::test]
async fn an_event_is_the_order_as_it_is_read() {
    let gateway = Gateway::start().await;
    let mut listening = gateway.listen(watch()).await;
    listening.expect_retry().await;
    let block = listening.next().await.unwrap();
    let data = block.lines().find_map(|line| line.strip_prefix("data: ")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap(), placed());
}

#[tokio::test]
async fn nobody_keeps_what_is_told_or_waits_for_its_end() {
    let gateway = Gateway::start().await;
    let listening = gateway.listen(with(watch(), "accept-encoding", "gzip")).await;
    let header = |name| listening.headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!(header("content-type"), Some("text/event-stream"));
    assert_eq!(header("cache-control"), Some("no-store"));
    assert_eq!(header("x-accel-buffering"), Some("no"));
    assert_eq!((header("content-encoding"), header("content-length")), (None, None));
}

#[tokio::test]
async fn who_comes_back_is_told_what_he_has_missed() {
    let gateway = Gateway::start().await;
    let mut listening = gateway.listen(watch_after("1")).await;
    assert_eq!(gateway.orders.asked::<pb::WatchOrderRequest>().after_version, 1);
    listening.expect_retry().await;
    listening.expect(2, "confirmed").await;
    assert_eq!(listening.next().await, None);
}

#[tokio::test]
async fn who_has_missed_nothing_waits_for_what_comes() {
    let gateway = Gateway::start().await;
    let script = gateway.orders.script();
    let mut listening = gateway.listen(watch_after("1")).await;
    assert_eq!(listening.status, 200);
    listening.expect_retry().await;
    script.unbounded_send(confirmed()).unwrap();
    listening.expect(2, "confirmed").await;
}

#[tokio::test]
async fn who_has_seen_it_all_need_not_come_back() {
    let gateway = Gateway::start().await;
    let answer = gateway.send_signed_in(watch_after("2")).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (204, &b""[..]));
}

#[tokio::test]
async fn a_version_is_one_number() {
    let gateway = Gateway::start().await;
    for nonsense in ["", "x", "-1", "+1", "1.5", "0x1", "1 2", "9223372036854775808"] {
        let problem = gateway.send_signed_in(watch_after(nonsense)).await.problem(400);
        assert_eq!(problem["detail"], "the Last-Event-ID is no version of an order", "{nonsense}");
    }
    gateway.send_signed_in(with(watch_after("1"), "last-event-id", "1")).await.problem(400);
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn what_fails_before_the_first_event_is_a_problem_like_any_other() {
    let gateway = Gateway::start().await;
    let failures = [
        (Status::not_found("no such order"), 404, None),
        (Status::permission_denied("no"), 403, None),
        (unavailable("too many watch"), 503, Some("1")),
        (Status::internal("row 7"), 500, None),
    ];
    for (failure, status, wait) in failures {
        gateway.orders.fail(failure);
        let answer = gateway.send_signed_in(watch()).await;
        answer.problem(status);
        assert_eq!(answer.header("retry-after"), wait);
    }
    gateway.orders.set(|answers| answers.failure = None);
    // The stream has begun, but with this.
    gateway.orders.script().unbounded_send(Err(Status::not_found("it is gone"))).unwrap();
    assert_eq!(gateway.send_signed_in(watch()).await.problem(404)["detail"], json!("it is gone"));
}

#[tokio::test]
async fn a_state_that_breaks_the_contract_is_a_failure_of_ours() {
    let gateway = Gateway::start().await;
    gateway.orders.set(|answers| answers.order = None);
    gateway.send_signed_in(watch()).await.problem(500);
    // Later it can only end.
    gateway.orders.set(|answers| answers.order = Some(canned::order()));
    let script = gateway.orders.script();
    script.unbounded_send(pending()).unwrap();
    let mut listening = gateway.listen(watch()).await;
    script.unbounded_send(Ok(pb::WatchOrderResponse { order: None, version: 2 })).unwrap();
    listening.expect_retry().await;
    listening.expect(1, "pending").await;
    assert_eq!(listening.next().await, None);
}

#[tokio::test]
async fn only_its_beginning_has_to_be_in_time() {
    let gateway = Gateway::start_with(|config| config.request_timeout_ms = 200).await;
    gateway.orders.set(|answers| answers.hangs = true);
    gateway.send_signed_in(watch()).await.problem(504);
    assert_eq!(gateway.orders.metadata("grpc-timeout"), None);
    gateway.orders.set(|answers| answers.hangs = false);
    let script = gateway.orders.script();
    script.unbounded_send(pending()).unwrap();
    let mut listening = gateway.listen(watch()).await;
    time::sleep(Duration::from_millis(250)).await;
    script.unbounded_send(confirmed()).unwrap();
    listening.expect_retry().await;
    listening.expect(1, "pending").await;
    listening.expect(2, "confirmed").await;
}
