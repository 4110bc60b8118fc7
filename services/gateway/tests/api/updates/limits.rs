//! How many streams there may be, and that they are in nobody's way.

use axum::http::HeaderValue;
use testkit::told;
use uuid::Uuid;

use super::{pending, watch};
use crate::harness::Gateway;

#[tokio::test]
async fn there_may_be_so_many_in_all() {
    told::listen();
    let gateway = Gateway::start_with(|config| config.max_streams = 1).await;
    let _script = gateway.orders.script();
    let first = gateway.listen(watch()).await;
    assert_eq!(first.status, 200);
    // Others have theirs.
    assert!(told::metric("http_server_streams", &[]).unwrap() >= 1.0);
    let answer = gateway.send_signed_in(watch()).await;
    answer.problem(503);
    assert_eq!(answer.header("retry-after"), Some("1"));
    drop(first);
    assert_eq!(gateway.send_signed_in(watch()).await.status, 200);
}

#[tokio::test]
async fn one_that_does_not_begin_takes_no_place() {
    let gateway = Gateway::start_with(|config| config.max_streams = 1).await;
    gateway.orders.fail(tonic::Status::not_found("no such order"));
    for _ in 0..3 {
        gateway.send_signed_in(watch()).await.problem(404);
    }
}

#[tokio::test]
async fn a_person_may_have_so_many_and_others_as_many() {
    let mut gateway = Gateway::start().await;
    let mut open = Vec::new();
    for _ in 0..32 {
        let script = gateway.orders.script();
        // So that nobody waits for the first word.
        script.unbounded_send(pending()).unwrap();
        open.push((gateway.listen(watch()).await, script));
    }
    assert!(open.iter().all(|(listening, _)| listening.status == 200));
    let problem = gateway.send_signed_in(watch()).await.problem(429);
    assert_eq!(problem["detail"], "too many streams of this user");
    gateway.authorization = HeaderValue::try_from(gateway.tokens.bearer(Uuid::now_v7())).unwrap();
    assert_eq!(gateway.listen(watch()).await.status, 200);
}

#[tokio::test]
async fn a_stream_takes_no_place_of_a_request() {
    let gateway = Gateway::start_with(|config| config.max_concurrent_requests = 1).await;
    let _scripts = [gateway.orders.script(), gateway.orders.script()];
    let streams = [gateway.listen(watch()).await, gateway.listen(watch()).await];
    assert!(streams.iter().all(|stream| stream.status == 200));
    gateway.get("/v1/products").await.ok(200);
}
