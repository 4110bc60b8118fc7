//! What every request goes through, and services that are away.

use std::time::Duration;

use lifecycle::State;
use tokio::time::{self, Instant};
use uuid::Uuid;

use crate::harness::{Answer, Gateway, bare, nobody, with};

#[tokio::test]
async fn a_request_without_an_id_gets_one_that_tells_when_it_came() {
    let gateway = Gateway::start().await;
    let answers = [gateway.get("/v1/products").await, gateway.get("/v1/products").await];
    let ids = answers.map(|answer| answer.header("x-request-id").unwrap().parse::<Uuid>().unwrap());
    assert!(ids.iter().all(|id| id.get_version_num() == 7), "{ids:?}");
    assert!(ids[0] < ids[1], "{ids:?}");
}

#[tokio::test]
async fn a_clients_own_id_is_kept() {
    let gateway = Gateway::start().await;
    for id in ["7", "checkout-42/retry:1", &"i".repeat(128)] {
        for path in ["/v1/products", "/v1/nothing", "/v1/orders/7"] {
            let answer = gateway.send(with(bare("GET", path), "x-request-id", id)).await;
            assert_eq!(answer.header("x-request-id"), Some(id), "{path}");
        }
    }
}

#[tokio::test]
async fn an_id_that_no_client_made_for_us_is_replaced() {
    let gateway = Gateway::start().await;
    for strange in [&b""[..], "i".repeat(129).as_bytes(), b"a b", b"a\tb", "\u{e9}".as_bytes(), b"\xff"] {
        let answer = gateway.send(with(bare("GET", "/v1/nothing"), "x-request-id", strange)).await;
        answer.problem(404);
        let id: Uuid = answer.header("x-request-id").unwrap().parse().unwrap();
        assert_eq!(id.get_version_num(), 7);
    }
}

#[tokio::test]
async fn what_is_long_enough_is_compressed_for_whoever_takes_that() {
    let gateway = Gateway::start().await;
    for path in ["/v1/products", "/v1/nothing"] {
        let plain = gateway.get(path).await;
        assert_eq!(plain.header("content-encoding"), None);
        let zipped = gateway.send(with(bare("GET", path), "accept-encoding", "gzip")).await;
        assert_eq!(zipped.header("content-encoding"), Some("gzip"));
        assert!(zipped.body.starts_with(b"\x1f\x8b"), "{zipped:?}");
    }
}

const SHOP: &str = "https://shop.example";

async fn preflight(gateway: &Gateway, origin: &str) -> Answer {
    let request = with(bare("OPTIONS", "/v1/orders"), "origin", origin);
    let request = with(request, "access-control-request-method", "POST");
    gateway.send(with(request, "access-control-request-headers", "authorization,idempotency-key")).await
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_call() {
    let gateway = Gateway::start_with(|config| config.cors_allowed_origins.push(SHOP.parse().unwrap())).await;
    let answer = preflight(&gateway, SHOP).await;
    assert!(answer.status.is_success());
    assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP));
    let listed = |header: &str, name: &str| answer.header(header).unwrap().split(',').any(|item| item == name);
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        assert!(listed("access-control-allow-methods", method), "{method}");
    }
    for header in ["authorization", "content-type", "if-match", "idempotency-key", "last-event-id", "x-request-id"] {
        assert!(listed("access-control-allow-headers", header), "{header}");
    }
    let answer = gateway.send(with(bare("GET", "/v1/orders/7"), "origin", SHOP)).await;
    answer.problem(401);
    assert_eq!(answer.header("access-control-allow-origin"), Some(SHOP));
    assert!(answer.header("access-control-expose-headers").unwrap().contains("x-request-id"));
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn pages_of_any_other_origin_may_not() {
    let closed = Gateway::start().await;
    let answer = preflight(&closed, SHOP).await;
    answer.problem(405);
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let open = Gateway::start_with(|config| config.cors_allowed_origins.push(SHOP.parse().unwrap())).await;
    for origin in ["http://shop.example", "https://shop.example.evil.example", "https://shop.example:8443", "null"] {
        assert_eq!(preflight(&open, origin).await.header("access-control-allow-origin"), None, "{origin}");
    }
}

#[tokio::test]
async fn a_star_opens_the_api_to_every_page_wherever_it_stands_in_the_list() {
    for list in ["*", "*,https://shop.example", "https://shop.example,*"] {
        let origins = list.split(',').map(|origin| origin.parse().unwrap()).collect();
        let gateway = Gateway::start_with(|config| config.cors_allowed_origins = origins).await;
        let answer = preflight(&gateway, "https://elsewhere.example").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{list}");
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_a_503_with_a_time_to_come_back() {
    let gateway = Gateway::start_with(|config| config.orders_url = nobody()).await;
    let answer = gateway.get("/v1/products").await;
    answer.problem(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    gateway.send_signed_in(bare("GET", "/v1/users/7")).await.ok(200);
}

#[tokio::test]
async fn a_service_that_hangs_is_a_504_when_the_time_is_over() {
    let gateway = Gateway::start().await;
    gateway.orders.set(|answers| answers.hangs = true);
    let start = Instant::now();
    let reached = async {
        gateway.orders.reached().await;
        // The service is asked and will not answer: there is nothing left to wait for but time.
        time::pause();
    };
    let (answer, ()) = tokio::join!(gateway.get("/v1/products"), reached);
    answer.problem(504);
    assert!(start.elapsed() > Duration::from_millis(4900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_service_is_told_how_much_time_is_left() {
    let gateway = Gateway::start().await;
    gateway.get("/v1/products").await.ok(200);
    let left = gateway.orders.metadata("grpc-timeout").unwrap();
    let microseconds: u32 = left.strip_suffix('u').unwrap().parse().unwrap();
    assert!((1..=5_000_000).contains(&microseconds), "{left}");
}

#[tokio::test]
async fn the_probes_follow_the_process() {
    let gateway = Gateway::start().await;
    for (state, ready) in [(State::Starting, 503), (State::Ready, 200), (State::Draining, 503)] {
        gateway.health.set(state);
        assert_eq!(gateway.get("/livez").await.status, 200);
        assert_eq!(gateway.get("/readyz").await.status, ready, "{state}");
    }
}

#[tokio::test]
async fn the_public_is_not_told_what_the_checks_say() {
    let gateway = Gateway::start().await;
    gateway.health.check("database", || async { Err("cannot connect to 10.0.0.7") });
    for probe in ["/livez", "/readyz"] {
        let answer = gateway.get(probe).await;
        for query in ["?verbose", "?verbose=1"] {
            assert_eq!(gateway.get(&format!("{probe}{query}")).await.body, answer.body);
        }
    }
}
