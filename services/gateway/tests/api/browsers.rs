//! What every answer tells browsers and caches.

use axum::http::{HeaderMap, Request};
use flate2::read::GzDecoder;
use tower::ServiceExt;

use crate::harness::{Answer, Gateway, bare, json, with};

#[track_caller]
fn is_protected(path: &str, answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    assert_eq!(answer.header("x-frame-options"), Some("DENY"), "{path}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
        "{path}: {policy}"
    );
    assert_eq!(answer.header("server"), None, "{path}");
    // Nobody would heed it without TLS.
    assert_eq!(answer.header("strict-transport-security"), None, "{path}");
}

#[tokio::test]
async fn every_answer_is_protected_whatever_it_says() {
    let gateway =
        Gateway::start_with(|config| config.cors_allowed_origins.push("https://a.example".parse().unwrap())).await;
    let paths = [
        "/v1/products",
        "/v1/products/nothing",
        "/v1/users/7",
        "/v1/orders/7",
        "/v1/nothing",
        "/docs",
        "/docs/",
        "/openapi.json",
        "/.well-known/jwks.json",
        "/livez",
        "/readyz",
        "/",
    ];
    for path in paths {
        is_protected(path, &gateway.get(path).await);
        is_protected(path, &gateway.send(bare("TRACE", path)).await);
        is_protected(path, &gateway.send(with(bare("OPTIONS", path), "origin", "https://a.example")).await);
    }
    is_protected("malformed", &gateway.send(json("POST", "/v1/users", "{")).await);
    is_protected("too large", &gateway.send(json("POST", "/v1/users", vec![b' '; 100_000])).await);
}

#[tokio::test]
async fn the_page_may_load_its_own_files_and_nothing_else() {
    let gateway = Gateway::start().await;
    let page = gateway.get("/docs/").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("script-src 'self';") && policy.contains("connect-src 'self';"), "{policy}");
    let page = std::io::read_to_string(GzDecoder::new(&page.body[..])).unwrap();
    // Nothing in it that the policy forbids: every script is a file beside it.
    for script in page.split("<script").skip(1) {
        assert!(script.trim_start().starts_with("src=\"./"), "{script}");
    }
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
}

#[tokio::test]
async fn what_one_person_is_told_is_in_no_cache() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.get("/v1/products").await.header("cache-control"), None);
    let answer = gateway.send_signed_in(bare("GET", "/v1/users/7")).await;
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// What a service is heard to say through the gateway.
async fn through_the_proxy(said: [(&'static str, &'static str); 3]) -> HeaderMap {
    let (listener, address) = testkit::listener().await;
    let upstream = axum::Router::new().fallback(async move || (axum::response::AppendHeaders(said), "hello"));
    tokio::spawn(axum::serve(listener, upstream).into_future());
    let gateway =
        Gateway::start_with(|config| config.users_http_url = format!("http://{address}").parse().unwrap()).await;
    let request = Request::get("/.well-known/jwks.json").body(axum::body::Body::empty()).unwrap();
    gateway.router.oneshot(request).await.unwrap().headers().clone()
}

#[tokio::test]
async fn a_page_of_a_service_says_itself_what_it_needs() {
    let policy = "default-src 'self'; form-action 'self'";
    let headers = through_the_proxy([
        ("content-security-policy", policy),
        ("server", "hyper/1.12.0"),
        ("x-powered-by", "a program"),
    ])
    .await;
    assert_eq!(headers["content-security-policy"], policy);
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert!(!headers.contains_key("server") && !headers.contains_key("x-powered-by"), "{headers:?}");
}
