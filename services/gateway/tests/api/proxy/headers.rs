//! What the proxy says of where a request comes from, and what it does not take from a client.

use std::net::SocketAddr;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, Version},
};

use super::{JWKS, Seen, start};
use crate::harness::{bare, with};

/// What upstream is told of a request.
async fn told(request: Request<Body>) -> Seen {
    let (gateway, upstream, _) = start().await;
    gateway.send(request).await;
    upstream.seen().remove(0)
}

fn from(mut request: Request<Body>, client: &str) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo::<SocketAddr>(client.parse().unwrap()));
    request
}

impl Seen {
    /// All values of a header.
    fn all(&self, name: &str) -> Vec<&str> {
        self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect()
    }
}

#[tokio::test]
async fn a_service_is_told_who_asks_and_for_what_host() {
    let request = with(bare("GET", JWKS), "host", "shop.example:8080");
    let seen = told(from(request, "203.0.113.7:40000")).await;
    assert_eq!(seen.all("forwarded"), [r#"for=203.0.113.7;host="shop.example:8080";proto=http"#]);
    assert_eq!(seen.all("x-forwarded-for"), ["203.0.113.7"]);
    assert_eq!(seen.all("x-forwarded-host"), ["shop.example:8080"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["http"]);
}

#[tokio::test]
async fn every_kind_of_address_is_told_as_readers_expect_it() {
    for (client, forwarded, plain) in [
        ("[2001:db8::7]:40000", r#"for="[2001:db8::7]";proto=http"#, "2001:db8::7"),
        // How a socket for both kinds sees IPv4.
        ("[::ffff:203.0.113.7]:40000", "for=203.0.113.7;proto=http", "203.0.113.7"),
    ] {
        let seen = told(from(bare("GET", JWKS), client)).await;
        assert_eq!((seen.all("forwarded"), seen.all("x-forwarded-for")), (vec![forwarded], vec![plain]));
    }
    let seen = told(bare("GET", JWKS)).await;
    assert_eq!((seen.all("forwarded"), seen.all("x-forwarded-for")), (vec!["for=unknown;proto=http"], vec![]));
}

#[tokio::test]
async fn what_a_client_says_of_itself_is_dropped() {
    let made_up = [
        ("forwarded", "for=10.0.0.1;host=admin.example;proto=https"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-forwarded-for", "10.0.0.2, 10.0.0.3"),
        ("x-forwarded-host", "admin.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "443"),
        // Named as hop-by-hop, ours must not disappear with it.
        ("connection", "forwarded, x-forwarded-for, via, host"),
    ];
    let request = with(bare("GET", JWKS), "host", "shop.example");
    let request = made_up.iter().fold(request, |request, (name, value)| with(request, name, *value));
    let seen = told(from(request, "203.0.113.7:40000")).await;
    assert_eq!(seen.all("forwarded"), [r#"for=203.0.113.7;host="shop.example";proto=http"#]);
    assert_eq!(seen.all("x-forwarded-for"), ["203.0.113.7"]);
    assert_eq!(seen.all("x-forwarded-host"), ["shop.example"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["http"]);
    assert_eq!(seen.all("via"), ["1.1 joist"]);
    assert!(seen.all("x-forwarded-port").is_empty());
}

#[tokio::test]
async fn a_host_that_is_no_name_is_not_repeated() {
    let strange = [
        "",
        "a b",
        "shop\"evil",
        "shop\";for=10.0.0.1",
        "ada:secret@shop.example",
        "a/b",
        "a\\b",
        "http://shop.example",
    ];
    for host in strange {
        let seen = told(from(with(bare("GET", JWKS), "host", host), "203.0.113.7:1")).await;
        assert_eq!(seen.all("forwarded"), ["for=203.0.113.7;proto=http"], "{host}");
        assert!(seen.all("x-forwarded-host").is_empty(), "{host}");
    }
    let with_password = bare("GET", &format!("http://ada:secret@shop.example{JWKS}"));
    let seen = told(with(with_password, "host", "shop.example")).await;
    assert_eq!(seen.all("forwarded"), ["for=unknown;proto=http"]);
    let seen = told(with(bare("GET", JWKS), "host", "[::1]:8080")).await;
    assert_eq!(seen.all("forwarded"), [r#"for=unknown;host="[::1]:8080";proto=http"#]);
}

#[tokio::test]
async fn the_way_of_a_request_can_be_read_from_it() {
    for (version, via) in
        [(Version::HTTP_10, "1.0 joist"), (Version::HTTP_11, "1.1 joist"), (Version::HTTP_2, "2 joist")]
    {
        let mut request = with(bare("GET", JWKS), "via", "1.0 cache.example");
        *request.version_mut() = version;
        assert_eq!(told(request).await.all("via"), ["1.0 cache.example", via]);
    }
}
