//! What users publishes over HTTP itself, reached through the gateway.

mod bodies;
mod headers;
mod instances;
mod traces;
mod wire;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::IntoResponse,
};
use futures::stream;

use crate::harness::{Gateway, bare, with};

const JWKS: &str = "/.well-known/jwks.json";

#[derive(Clone, Debug)]
struct Seen {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Answers everything, and remembers what it was asked.
#[derive(Clone, Default)]
struct Upstream(Arc<Mutex<Vec<Seen>>>);

impl Upstream {
    async fn serve(&self) -> SocketAddr {
        serve(Router::new().fallback(answer).with_state(self.clone())).await
    }

    fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap().clone()
    }
}

async fn answer(
    State(upstream): State<Upstream>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    upstream.0.lock().unwrap().push(Seen { method, uri, headers, body });
    let headers = [
        ("content-type", "application/jwk-set+json"),
        ("cache-control", "max-age=300"),
        ("connection", "x-internal, X-Other"),
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "websocket"),
        ("x-internal", "10.0.0.7"),
        ("x-other", "1"),
    ];
    (StatusCode::IM_A_TEAPOT, headers, "{\"keys\": []}")
}

async fn start() -> (Gateway, Upstream, SocketAddr) {
    let upstream = Upstream::default();
    let address = upstream.serve().await;
    (in_front_of(address).await, upstream, address)
}

async fn in_front_of(upstream: SocketAddr) -> Gateway {
    Gateway::start_with(|config| config.users_http_url = format!("http://{upstream}").parse().unwrap()).await
}

/// At a port of its own.
async fn serve(upstream: Router) -> SocketAddr {
    let (listener, address) = testkit::listener().await;
    tokio::spawn(axum::serve(listener, upstream).into_future());
    address
}

#[tokio::test]
async fn a_published_path_is_passed_through() {
    let (gateway, upstream, _) = start().await;
    let answer = gateway.get(&format!("{JWKS}?kid=a%20b&x")).await;
    assert_eq!(answer.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(answer.body, "{\"keys\": []}");
    assert_eq!(answer.header("content-type"), Some("application/jwk-set+json"));
    assert_eq!(answer.header("cache-control"), Some("max-age=300"));
    assert!(answer.header("x-request-id").is_some());
    let seen = &upstream.seen()[0];
    assert_eq!((&seen.method, seen.uri.to_string()), (&Method::GET, format!("{JWKS}?kid=a%20b&x")));
}

#[tokio::test]
async fn so_is_every_path_of_oauth_and_nothing_beside_them() {
    let (gateway, upstream, _) = start().await;
    let paths =
        ["/.well-known/oauth-authorization-server", "/oauth/authorize?client_id=x", "/oauth/token", "/oauth/revoke"];
    for path in paths {
        let request = with(bare("POST", path), "authorization", "Basic cm9ib3Q6c2VjcmV0");
        assert_eq!(gateway.send(request).await.status, StatusCode::IM_A_TEAPOT, "{path}");
    }
    for (seen, path) in upstream.seen().iter().zip(paths) {
        assert_eq!(
            (seen.uri.to_string().as_str(), &seen.headers["authorization"]),
            (path, &"Basic cm9ib3Q6c2VjcmV0".parse().unwrap())
        );
    }
    for path in ["/oauth", "/oauth/", "/oauth/token/", "/oauth/clients", "/.well-known/openid-configuration"] {
        gateway.get(path).await.problem(404);
    }
    assert_eq!(upstream.seen().len(), paths.len());
}

#[tokio::test]
async fn method_headers_and_body_travel_along() {
    let (gateway, upstream, _) = start().await;
    let mut request = with(bare("POST", JWKS), "x-tenant", "seven");
    *request.body_mut() = Body::from("grant_type=x");
    gateway.send(with(request, "accept", "application/json")).await;
    let seen = &upstream.seen()[0];
    assert_eq!((&seen.method, &seen.body[..]), (&Method::POST, &b"grant_type=x"[..]));
    assert_eq!(
        (&seen.headers["x-tenant"], &seen.headers["accept"]),
        (&"seven".parse().unwrap(), &"application/json".parse().unwrap())
    );
}

#[tokio::test]
async fn the_upstream_is_called_by_its_own_name() {
    let (gateway, upstream, address) = start().await;
    gateway.send(with(bare("GET", JWKS), "host", "shop.example")).await;
    gateway.send(bare("GET", &format!("http://shop.example{JWKS}"))).await;
    for seen in upstream.seen() {
        assert_eq!(seen.headers.get_all("host").iter().collect::<Vec<_>>(), [&address.to_string()]);
        assert_eq!(seen.uri, JWKS);
    }
    assert_eq!(upstream.seen().len(), 2);
}

#[tokio::test]
async fn what_concerns_one_connection_goes_no_further_on_the_way_in() {
    let (gateway, upstream, _) = start().await;
    let stays = [
        ("connection", "close, X-Hop"),
        ("connection", "x-hop-too"),
        ("x-hop", "1"),
        ("x-hop-too", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic YWRhOmhvcnNl"),
        ("te", "trailers"),
        ("trailer", "x-checksum"),
        ("upgrade", "websocket"),
    ];
    let request = stays.iter().fold(bare("GET", JWKS), |request, (name, value)| with(request, name, *value));
    gateway.send(request).await;
    let seen = &upstream.seen()[0];
    for (name, _) in stays {
        assert!(!seen.headers.contains_key(name), "{name}: {seen:?}");
    }
}

#[tokio::test]
async fn what_concerns_one_connection_goes_no_further_on_the_way_out() {
    let (gateway, _, _) = start().await;
    let answer = gateway.get(JWKS).await;
    let stays = ["connection", "keep-alive", "proxy-authenticate", "proxy-connection", "upgrade", "transfer-encoding"];
    for name in stays.iter().chain(&["x-internal", "x-other"]) {
        assert_eq!(answer.header(name), None, "{name}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_the_clients_doing() {
    let (gateway, upstream, _) = start().await;
    let chunks = (0..17).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b' '; 64 * 1024])));
    let mut request = bare("POST", JWKS);
    *request.body_mut() = Body::from_stream(stream::iter(chunks));
    gateway.send(request).await.problem(413);
    assert_eq!(upstream.seen().len(), 0);
}

#[tokio::test]
async fn an_upstream_that_is_away_is_a_503() {
    let gateway = Gateway::start().await;
    let answer = gateway.get(JWKS).await;
    answer.problem(503);
    assert!(!format!("{answer:?}").contains("127.0.0.1"), "{answer:?}");
}

#[tokio::test]
async fn nothing_else_of_the_upstream_can_be_reached() {
    let (gateway, upstream, _) = start().await;
    let paths = [
        "/.well-known/other",
        "/.well-known/",
        "/.well-known/../secret",
        "/.well-known/%2e%2e/secret",
        "/.well-known/jwks.json/",
        "/.well-known/jwks.json/../../secret",
        "/.well-known/jwks.json%2f..%2f..%2fsecret",
        "/.well-known/jwks%2ejson",
        "/.well-known//jwks.json",
        "//.well-known/jwks.json",
        "/.well-known/jwks.json;secret",
        "/secret/../.well-known/jwks.json",
    ];
    for path in paths {
        gateway.get(path).await.problem(404);
    }
    assert_eq!(upstream.seen().len(), 0);
}
