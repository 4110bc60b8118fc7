//! Who is believed to be asking, where there are proxies in front.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Request},
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::harness::{Gateway, bare, json, with};

const KEYS: &str = "/.well-known/jwks.json";

/// A gateway behind `10.0.0.0/8`, and the headers of what it passes on.
async fn start() -> (Gateway, UnboundedReceiver<HeaderMap>) {
    let (sender, seen) = unbounded_channel();
    let (listener, address) = testkit::listener().await;
    let upstream = Router::new().fallback(async move |headers: HeaderMap| sender.send(headers).unwrap());
    tokio::spawn(axum::serve(listener, upstream).into_future());
    let gateway = Gateway::start_with(|config| {
        config.users_http_url = format!("http://{address}").parse().unwrap();
        config.edge.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
    });
    (gateway.await, seen)
}

pub fn from(mut request: Request<Body>, peer: &str) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
    request
}

fn forwarded(peer: &str, headers: &[(&'static str, &str)]) -> Request<Body> {
    let request = headers.iter().fold(bare("GET", KEYS), |request, (name, value)| with(request, name, *value));
    from(request, peer)
}

#[tokio::test]
async fn a_trusted_proxy_tells_who_asks_and_over_what() {
    let (gateway, mut seen) = start().await;
    let told =
        [("x-forwarded-for", "1.1.1.1, 203.0.113.7"), ("x-forwarded-for", "10.9.9.9"), ("x-forwarded-proto", "https")];
    let answer = gateway.send(forwarded("10.0.0.1:4000", &told)).await;
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    let headers = seen.recv().await.unwrap();
    assert_eq!(headers["forwarded"], "for=203.0.113.7;proto=https");
    assert_eq!(
        (&headers["x-forwarded-for"], &headers["x-forwarded-proto"]),
        (&"203.0.113.7".parse().unwrap(), &"https".parse().unwrap())
    );
}

#[tokio::test]
async fn whoever_signs_in_is_known_by_an_address_that_can_be_trusted() {
    let (gateway, _seen) = start().await;
    for (peer, said, known) in [
        ("10.0.0.1:4000", "1.1.1.1, 203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.8]:4000", "198.51.100.1", "203.0.113.8"),
    ] {
        let credentials = json("POST", "/v1/sessions", r#"{"email": "ada@example.com", "password": "correct horse"}"#);
        gateway.send(from(with(credentials, "x-forwarded-for", said), peer)).await.ok(201);
        assert_eq!(gateway.users.metadata("x-forwarded-for").as_deref(), Some(known));
    }
}

#[tokio::test]
async fn anybody_else_tells_in_vain() {
    let (gateway, mut seen) = start().await;
    let told = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-proto", "https")];
    let answer = gateway.send(forwarded("203.0.113.7:4000", &told)).await;
    assert_eq!(answer.header("strict-transport-security"), None);
    assert_eq!(seen.recv().await.unwrap()["forwarded"], "for=203.0.113.7;proto=http");
}

#[tokio::test]
async fn a_scheme_that_is_none_is_not_repeated() {
    let (gateway, mut seen) = start().await;
    for nonsense in ["", "ftp", "https;host=evil", "https, http"] {
        gateway.send(forwarded("10.0.0.1:4000", &[("x-forwarded-proto", nonsense)])).await;
        assert_eq!(seen.recv().await.unwrap()["x-forwarded-proto"], "http", "{nonsense}");
    }
}
