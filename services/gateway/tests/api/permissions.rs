//! Tokens that are good, and not good for this.

use std::time::Duration;

use axum::http::HeaderValue;
use identity::{Grant, Subject};
use testkit::Logs;
use tracing::Level;
use uuid::Uuid;

use crate::{
    harness::{Gateway, bare, with},
    who_may_call::closed,
};

const SCOPES: [&str; 5] = ["admin", "orders:read", "orders:write", "users:read", "users:write"];

/// Of a person whom the token allows this and no more.
fn bearer(gateway: &Gateway, scopes: &str) -> HeaderValue {
    let (subject, client_id) = (Subject::User(Uuid::now_v7()), "tests".to_owned());
    let grant = Grant { subject, client_id, scopes: scopes.parse().unwrap(), lifetime: Duration::from_secs(60) };
    gateway.tokens.bearer_of(&grant).parse().unwrap()
}

#[tokio::test]
async fn without_its_scope_no_route_is_open_whatever_else_the_token_allows() {
    let gateway = Gateway::start().await;
    for (route, scope) in closed() {
        let others = SCOPES.into_iter().filter(|other| *other != scope).collect::<Vec<_>>().join(" ");
        for scopes in [&others, "", "orders users", "ORDERS:READ USERS:WRITE", "*"] {
            let answer = gateway.send(with(route.request(), "authorization", bearer(&gateway, scopes))).await;
            let problem = answer.problem(403);
            assert_eq!(problem["detail"], "the access token does not allow this", "{}", route.name());
            let challenge = format!(r#"Bearer realm="joist", error="insufficient_scope", scope="{scope}""#);
            assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()), "{}", route.name());
        }
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn its_own_scope_is_enough_for_every_route() {
    let gateway = Gateway::start().await;
    for (route, scope) in closed() {
        let answer = gateway.send(with(route.request(), "authorization", bearer(&gateway, scope))).await;
        assert_eq!(answer.status, route.success, "{}", route.name());
    }
}

#[tokio::test]
async fn who_brings_a_bad_token_is_told_so_and_who_brings_none_is_only_asked_for_one() {
    let gateway = Gateway::start().await;
    let answer = gateway.send(bare("GET", "/v1/orders/7")).await;
    answer.problem(401);
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="joist""#));
    let answer = gateway.send(with(bare("GET", "/v1/orders/7"), "authorization", "Bearer nonsense")).await;
    answer.problem(401);
    assert_eq!(answer.header("www-authenticate"), Some(r#"Bearer realm="joist", error="invalid_token""#));
}

#[tokio::test]
async fn what_may_not_be_done_is_refused_before_its_body_is_read() {
    let gateway = Gateway::start().await;
    let order = crate::harness::json("POST", "/v1/orders", "nonsense");
    gateway.send(with(order, "authorization", bearer(&gateway, "orders:read"))).await.problem(403);
}

#[tokio::test]
async fn a_token_that_is_too_long_is_none() {
    let gateway = Gateway::start().await;
    let many = (0..400).map(|n| format!("scope:{n}")).collect::<Vec<_>>().join(" ");
    let long = bearer(&gateway, &format!("orders:read {many}"));
    gateway.send(with(bare("GET", "/v1/orders/7"), "authorization", long)).await.problem(401);
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn who_is_refused_is_told_to_the_audit_log_without_the_token() {
    let logs = Logs::capture_from(Level::INFO);
    let gateway = Gateway::start().await;
    let bearer = bearer(&gateway, "orders:write");
    gateway.send(with(bare("GET", "/v1/orders/7"), "authorization", bearer.clone())).await.problem(403);
    let log = logs.text();
    let line = log.lines().find(|line| line.contains("permission_denied")).unwrap_or_else(|| panic!("{log}"));
    for told in ["audit", "client_id=\"tests\"", "what=GET /v1/orders/{id}", "scope=\"orders:read\""] {
        assert!(line.contains(told), "{told} in {line}");
    }
    assert!(!log.contains(bearer.to_str().unwrap().trim_start_matches("Bearer ")), "{log}");
}
