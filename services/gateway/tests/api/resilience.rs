//! Too much at once, too late, too soon after the signal to end; and what is tried again.

use std::time::Duration;

use axum::http::Version;
use lifecycle::State;
use tokio::time::Instant;
use tonic::Status;

use crate::harness::{Answer, Gateway, bare, json};

const ORDER: &str = r#"{"items": [{"sku": "TABLE-OAK", "quantity": 1}]}"#;

#[tokio::test]
async fn too_much_at_once_is_refused_and_can_be_tried_again_soon() {
    let gateway = Gateway::start_with(|config| config.max_concurrent_requests = 1).await;
    gateway.health.set(State::Ready);
    gateway.orders.set(|answers| answers.hangs = true);
    let others = async {
        gateway.orders.reached().await;
        for path in ["/v1/products", "/.well-known/jwks.json", "/v1/nothing"] {
            let answer = gateway.get(path).await;
            answer.problem(503);
            assert_eq!(answer.header("retry-after"), Some("1"), "{path}");
        }
        // Whether we are alive is not asked too often.
        for probe in ["/livez", "/readyz"] {
            assert_eq!(gateway.get(probe).await.status, 200, "{probe}");
        }
    };
    tokio::select! {
        answer = gateway.get("/v1/products") => panic!("{answer:?}"),
        () = others => {}
    }
    // The first one is over now: its client has gone away.
    gateway.orders.set(|answers| answers.hangs = false);
    gateway.get("/v1/products").await.ok(200);
}

#[tokio::test]
async fn while_it_drains_every_client_is_told_to_leave() {
    let gateway = Gateway::start().await;
    let paths = ["/v1/products", "/v1/orders/7", "/v1/nothing", "/.well-known/jwks.json", "/docs/", "/openapi.json"];
    for (state, said) in [(State::Starting, None), (State::Ready, None), (State::Draining, Some("close"))] {
        gateway.health.set(state);
        for path in paths {
            assert_eq!(gateway.get(path).await.header("connection"), said, "{state}: {path}");
        }
    }
    // A connection of HTTP/2 has a frame for it, and no such header (RFC 9113, section 8.2.2).
    let mut request = bare("GET", "/v1/products");
    *request.version_mut() = Version::HTTP_2;
    assert_eq!(gateway.send(request).await.header("connection"), None);
}

#[tokio::test]
async fn the_time_that_a_request_may_take_is_a_setting() {
    let gateway = Gateway::start_with(|config| config.request_timeout_ms = 200).await;
    gateway.orders.set(|answers| answers.hangs = true);
    let start = Instant::now();
    gateway.get("/v1/products").await.problem(504);
    let took = start.elapsed();
    // A service stops a little sooner than who asked it.
    assert!((Duration::from_millis(190)..Duration::from_secs(2)).contains(&took), "{took:?}");
    let left = gateway.orders.metadata("grpc-timeout").unwrap();
    let microseconds: u32 = left.strip_suffix('u').unwrap().parse().unwrap();
    assert!((1..200_000).contains(&microseconds), "{left}");
}

/// The answer after a failure that says "not now", and how many calls it took.
async fn after_a_failure(ask: impl AsyncFn(&Gateway) -> Answer) -> (Answer, usize) {
    let gateway = Gateway::start().await;
    // A fifth of all calls may be made again: it takes some that went well to pay for it.
    for _ in 0..5 {
        gateway.get("/v1/products").await.ok(200);
    }
    gateway.orders.set(|answers| answers.first_failure = Some(Status::unavailable("moving to 10.0.0.7")));
    let answer = ask(&gateway).await;
    assert!(!format!("{answer:?}").contains("10.0.0.7"), "{answer:?}");
    (answer, gateway.orders.calls() - 5)
}

#[tokio::test]
async fn what_is_only_read_is_asked_for_again() {
    for path in ["/v1/products", "/v1/orders/7", "/v1/orders/7/events"] {
        let (answer, calls) =
            after_a_failure(async |gateway: &Gateway| gateway.send_signed_in(bare("GET", path)).await).await;
        assert_eq!((answer.status.as_u16(), calls), (200, 2), "{path}");
    }
}

#[tokio::test]
async fn an_order_is_not_placed_again() {
    let place = async |gateway: &Gateway| gateway.send_signed_in(json("POST", "/v1/orders", ORDER)).await;
    let (answer, calls) = after_a_failure(place).await;
    answer.problem(503);
    assert_eq!(calls, 1);
}
