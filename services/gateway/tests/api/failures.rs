//! What a service says when it fails, and what the public is told of it.

use std::time::Duration;

use rpc::status;
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::harness::{self, Gateway};

const SECRET: &str = "row 7 of table accounts";

#[tokio::test]
async fn every_code_has_its_http_status() {
    let gateway = Gateway::start().await;
    let table = [
        // A success that comes as an error is a defect.
        (Code::Ok, 500),
        (Code::Cancelled, 500),
        (Code::Unknown, 500),
        (Code::InvalidArgument, 400),
        (Code::DeadlineExceeded, 504),
        (Code::NotFound, 404),
        (Code::AlreadyExists, 409),
        (Code::PermissionDenied, 403),
        (Code::ResourceExhausted, 429),
        (Code::FailedPrecondition, 400),
        (Code::Aborted, 409),
        (Code::OutOfRange, 400),
        (Code::Unimplemented, 501),
        (Code::Internal, 500),
        (Code::Unavailable, 503),
        (Code::DataLoss, 500),
        (Code::Unauthenticated, 401),
    ];
    for (code, http) in table {
        gateway.orders.fail(Status::new(code, "the message"));
        let problem = gateway.get("/v1/products").await.problem(http);
        assert_eq!(problem["detail"] == "the message", http < 500, "{code:?}: {problem}");
    }
}

#[tokio::test]
async fn a_reason_decides_before_the_code() {
    let gateway = Gateway::start().await;
    let table = [
        ("OUT_OF_STOCK", 409),
        ("WRONG_STATE", 409),
        ("IDEMPOTENCY_KEY_REUSED", 422),
        ("ETAG_MISMATCH", 412),
        ("ETAG_MISSING", 428),
        ("SOMETHING_NEW", 400),
    ];
    for (reason, http) in table {
        gateway.orders.fail(status::failed_precondition(reason, "what people read"));
        let problem = gateway.get("/v1/products").await.problem(http);
        assert_eq!((&problem["reason"], &problem["detail"]), (&json!(reason), &json!("what people read")));
    }
}

#[tokio::test]
async fn a_reason_of_a_foreign_domain_is_none() {
    let gateway = Gateway::start().await;
    let details = ErrorDetails::with_error_info("OUT_OF_STOCK", "elsewhere.example", []);
    gateway.orders.fail(Status::with_error_details(Code::FailedPrecondition, "no", details));
    let problem = gateway.get("/v1/products").await.problem(400);
    assert!(problem.get("reason").is_none(), "{problem}");
}

#[tokio::test]
async fn a_failure_of_ours_tells_nothing_whatever_the_service_says() {
    let gateway = Gateway::start().await;
    let ours = [
        Code::Cancelled,
        Code::Unknown,
        Code::DeadlineExceeded,
        Code::Unimplemented,
        Code::Internal,
        Code::Unavailable,
        Code::DataLoss,
    ];
    for code in ours {
        let mut details = ErrorDetails::with_error_info(SECRET, status::DOMAIN, []);
        details.add_bad_request_violation(SECRET, SECRET);
        gateway.orders.fail(Status::with_error_details(code, SECRET, details));
        let answer = gateway.get("/v1/products").await;
        assert!(answer.status.is_server_error(), "{code:?}");
        answer.problem(answer.status.as_u16());
        assert!(!format!("{answer:?}").contains("row 7"), "{code:?}: {answer:?}");
    }
}

#[tokio::test]
async fn all_violations_become_errors() {
    let gateway = Gateway::start().await;
    let violations = [("items[0].sku", "is not in the catalogue"), ("items[2].quantity", "is below 1")];
    gateway.orders.fail(status::bad_request(violations.map(|(field, what)| (field.to_owned(), what.to_owned()))));
    let problem = gateway.get("/v1/products").await.problem(400);
    let expected = violations.map(|(field, message)| json!({"field": field, "message": message}));
    assert_eq!(problem["errors"], json!(expected));
}

#[tokio::test]
async fn a_wait_is_told_in_seconds_rounded_up() {
    let gateway = Gateway::start().await;
    for (wait, told) in [(0, "0"), (1, "1"), (999, "1"), (1000, "1"), (1001, "2"), (90_000, "90")] {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(wait)));
        gateway.orders.fail(Status::with_error_details(Code::Unavailable, "too busy", details));
        let answer = gateway.get("/v1/products").await;
        answer.problem(503);
        assert_eq!(answer.header("retry-after"), Some(told), "{wait} ms");
    }
}

#[tokio::test]
async fn who_has_used_up_a_quota_is_told_when_to_come_back() {
    let gateway = Gateway::start().await;
    let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(30)));
    gateway.orders.fail(Status::with_error_details(Code::ResourceExhausted, "too many orders", details));
    let answer = gateway.get("/v1/products").await;
    assert_eq!(answer.problem(429)["detail"], "too many orders");
    assert_eq!(answer.header("retry-after"), Some("30"));
}

#[tokio::test]
async fn without_a_wait_nothing_is_said_of_one() {
    let gateway = Gateway::start().await;
    gateway.orders.fail(Status::unavailable("draining"));
    let answer = gateway.get("/v1/products").await;
    answer.problem(503);
    assert_eq!(answer.header("retry-after"), None);
}

#[tokio::test]
async fn a_refused_sign_in_asks_for_a_token_as_every_401_does() {
    let gateway = Gateway::start().await;
    gateway.users.fail(Status::unauthenticated("the e-mail address or the password is wrong"));
    let body = r#"{"email": "ada@example.com", "password": "wrong"}"#;
    let answer = gateway.send(harness::json("POST", "/v1/sessions", body)).await;
    assert_eq!(answer.problem(401)["detail"], "the e-mail address or the password is wrong");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"joist\""));
}
