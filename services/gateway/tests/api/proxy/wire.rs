//! The proxy as a client sees it on its connection, to the byte.

use std::net::SocketAddr;

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{JWKS, in_front_of, serve, start};
use crate::harness::Gateway;

const KEYS: &str = "{\"keys\": []}";

/// Keys that have not changed, for whoever has them.
async fn keys(headers: HeaderMap) -> Response {
    match headers.contains_key("if-none-match") {
        true => (StatusCode::NOT_MODIFIED, [("etag", "\"7\"")]).into_response(),
        false => KEYS.into_response(),
    }
}

async fn publisher() -> Gateway {
    let methods = get(keys).delete(async || StatusCode::NO_CONTENT);
    in_front_of(serve(Router::new().route(JWKS, methods)).await).await
}

/// The head and the body of the answer, after which the connection has ended.
async fn ask(gateway: SocketAddr, method: &str, headers: &str) -> (String, String) {
    let mut stream = TcpStream::connect(gateway).await.unwrap();
    let request = format!("{method} {JWKS} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_lowercase(), body.to_owned())
}

#[tokio::test]
async fn the_head_of_an_answer_has_the_length_of_a_body_that_does_not_come() {
    let gateway = publisher().await.serve().await;
    let (head, body) = ask(gateway, "GET", "").await;
    assert!(head.starts_with("http/1.1 200 ok"), "{head}");
    assert_eq!(body, KEYS);
    let (head, body) = ask(gateway, "HEAD", "").await;
    assert!(head.starts_with("http/1.1 200 ok") && head.contains("\r\ncontent-length: 12"), "{head}");
    assert_eq!(body, "");
}

#[tokio::test]
async fn answers_without_a_body_stay_without_one() {
    let gateway = publisher().await.serve().await;
    let (head, body) = ask(gateway, "GET", "If-None-Match: \"7\"\r\n").await;
    assert!(head.starts_with("http/1.1 304 not modified") && head.contains("\r\netag: \"7\""), "{head}");
    assert_eq!(body, "");
    let (head, body) = ask(gateway, "DELETE", "").await;
    assert!(head.starts_with("http/1.1 204 no content"), "{head}");
    assert!(!head.contains("content-length") && !head.contains("transfer-encoding"), "{head}");
    assert_eq!(body, "");
}

#[tokio::test]
async fn a_body_is_asked_for_by_us_and_its_sender_is_named() {
    let (gateway, upstream, _) = start().await;
    let mut stream = TcpStream::connect(gateway.serve().await).await.unwrap();
    let head = format!(
        "POST {JWKS} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut goes_on = [0; 25];
    stream.read_exact(&mut goes_on).await.unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(upstream.seen().len(), 0);
    stream.write_all(b"a=42").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 418"), "{answer}");
    let seen = &upstream.seen()[0];
    assert_eq!(&seen.body[..], b"a=42");
    assert_eq!(seen.headers["x-forwarded-for"], "127.0.0.1");
    assert_eq!(seen.headers["forwarded"], r#"for=127.0.0.1;host="shop.example";proto=http"#);
}

#[tokio::test]
async fn a_client_that_goes_away_in_the_middle_of_its_body_is_no_request() {
    let (gateway, upstream, _) = start().await;
    let address = gateway.serve().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST {JWKS} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 4\r\n\r\na=");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    // The next one is served as ever.
    assert!(ask(address, "GET", "").await.0.starts_with("http/1.1 418"));
    assert_eq!(upstream.seen().len(), 1);
}
