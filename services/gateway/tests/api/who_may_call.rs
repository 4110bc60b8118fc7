//! Every route and who may call it.

use std::collections::BTreeSet;

use axum::{
    Json, Router,
    body::Body,
    http::{HeaderValue, Request},
    routing::get,
};
use identity::{JwkSet, Signer};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::harness::{self, Gateway, bare, nobody, with};

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Who {
    Anybody,
    /// Whose token has this scope.
    Allowed(&'static str),
}
use Who::{Allowed, Anybody};

pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub who: Who,
    body: &'static str,
    pub success: u16,
}

pub static ROUTES: [Route; 12] = [
    route("POST", "/v1/users", Anybody, r#"{"email": "a@b", "display_name": "A", "password": "12345678"}"#, 201),
    route("GET", "/v1/users/{id}", Allowed("users:read"), "", 200),
    route("PATCH", "/v1/users/{id}", Allowed("users:write"), "{}", 200),
    route("DELETE", "/v1/users/{id}", Allowed("users:write"), "", 204),
    route("GET", "/v1/users/{id}/orders", Allowed("orders:read"), "", 200),
    route("POST", "/v1/sessions", Anybody, r#"{"email": "a@b", "password": "12345678"}"#, 201),
    route("GET", "/v1/products", Anybody, "", 200),
    route("GET", "/v1/products/{sku}", Anybody, "", 200),
    route("POST", "/v1/orders", Allowed("orders:write"), r#"{"items": []}"#, 201),
    route("GET", "/v1/orders/{id}", Allowed("orders:read"), "", 200),
    route("GET", "/v1/orders/{id}/events", Allowed("orders:read"), "", 200),
    route("POST", "/v1/orders/{id}/cancel", Allowed("orders:write"), "", 200),
];

const fn route(method: &'static str, path: &'static str, who: Who, body: &'static str, success: u16) -> Route {
    Route { method, path, who, body, success }
}

impl Route {
    pub fn request(&self) -> Request<Body> {
        let path = self.path.replace("{id}", &Uuid::nil().to_string()).replace("{sku}", "BOX-OAK");
        match self.body {
            "" => bare(self.method, &path),
            body => harness::json(self.method, &path, body),
        }
    }

    pub fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

fn public() -> impl Iterator<Item = &'static Route> {
    ROUTES.iter().filter(|route| route.who == Anybody)
}

/// Those that ask for a token, and the scope that it has to have.
pub fn closed() -> impl Iterator<Item = (&'static Route, &'static str)> {
    ROUTES.iter().filter_map(|route| match route.who {
        Anybody => None,
        Allowed(scope) => Some((route, scope)),
    })
}

#[tokio::test]
async fn these_are_all_the_routes() {
    let api = Gateway::start().await.get("/openapi.json").await.ok(200);
    let described: BTreeSet<_> = api["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| (path, method)))
        .map(|(path, method)| format!("{} {path}", method.to_uppercase()))
        .collect();
    let known: BTreeSet<_> = ROUTES.iter().map(Route::name).collect();
    assert_eq!(described, known);
}

#[tokio::test]
async fn a_public_route_answers_without_a_token_and_whatever_the_token() {
    let gateway = Gateway::start().await;
    for route in public() {
        assert_eq!(gateway.send(route.request()).await.status, route.success, "{}", route.name());
        let answer = gateway.send(with(route.request(), "authorization", "Bearer nonsense")).await;
        assert_eq!(answer.status, route.success, "{}", route.name());
    }
}

#[tokio::test]
async fn the_catalogue_is_told_no_token() {
    let gateway = Gateway::start().await;
    gateway.send_signed_in(bare("GET", "/v1/products")).await.ok(200);
    assert_eq!(gateway.orders.metadata("authorization"), None);
}

#[tokio::test]
async fn any_other_route_hands_the_token_on_unchanged() {
    let gateway = Gateway::start().await;
    for (route, _) in closed() {
        let before = (gateway.users.calls(), gateway.orders.calls());
        let answer = gateway.send_signed_in(route.request()).await;
        assert_eq!(answer.status, route.success, "{}", route.name());
        let asked = if gateway.users.calls() > before.0 { &gateway.users } else { &gateway.orders };
        let token = asked.metadata("authorization");
        assert_eq!(token.as_deref(), gateway.authorization.to_str().ok(), "{}", route.name());
    }
}

#[tokio::test]
async fn any_other_route_is_closed_without_one_good_token() {
    let gateway = Gateway::start().await;
    let good = gateway.authorization.clone();
    let token = good.to_str().unwrap().trim_start_matches("Bearer ");
    let (head, signature) = token.rsplit_once('.').unwrap();
    let unsigned = format!("Bearer {head}.");
    let forged = format!("Bearer {head}.{}", signature.chars().rev().collect::<String>());
    let other_issuers = Gateway::start().await.authorization;
    let headers: [&[&HeaderValue]; 9] = [
        &[],
        &[&HeaderValue::from_static("")],
        &[&HeaderValue::from_static("Bearer nonsense")],
        &[&HeaderValue::from_static("Basic YWRhOmhvcnNl")],
        &[&token.parse().unwrap()],
        &[&unsigned.parse().unwrap()],
        &[&forged.parse().unwrap()],
        &[&other_issuers],
        &[&good, &good],
    ];
    for (route, _) in closed() {
        for authorization in headers {
            let request = authorization.iter().copied().cloned();
            let request = request.fold(route.request(), |request, value| with(request, "authorization", value));
            let problem = gateway.send(request).await.problem(401);
            let detail = if authorization.is_empty() { "is required" } else { "is not valid" };
            assert!(problem["detail"].as_str().unwrap().ends_with(detail), "{}: {problem}", route.name());
        }
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn a_token_that_is_over_is_none() {
    let key = Signer::generate().unwrap();
    let jwks_url = published(&key).await;
    let gateway = Gateway::start_with(|config| config.identity.token_jwks_url = jwks_url.parse().unwrap()).await;
    for (route, _) in closed() {
        let good = token(&gateway, &key, Duration::minutes(1));
        let answer = gateway.send(with(route.request(), "authorization", good)).await;
        assert_eq!(answer.status, route.success, "{}", route.name());
        let over = token(&gateway, &key, Duration::minutes(-1));
        gateway.send(with(route.request(), "authorization", over)).await.problem(401);
    }
    assert_eq!(gateway.users.calls() + gateway.orders.calls(), closed().count());
}

/// Where the public half of this key can be had.
async fn published(key: &[u8]) -> String {
    let keys = JwkSet { keys: vec![Signer::from_pkcs8(key).unwrap().public_key()] };
    let (listener, address) = testkit::listener().await;
    let router = Router::new().route("/", get(async move || Json(keys.clone())));
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}/")
}

/// Like every other token for this gateway, but for its last moment, which may be over.
fn token(gateway: &Gateway, key: &[u8], lifetime: Duration) -> String {
    let good = gateway.authorization.to_str().unwrap();
    let mut claims =
        jsonwebtoken::dangerous::insecure_decode::<Value>(good.trim_start_matches("Bearer ")).unwrap().claims;
    claims["exp"] = (OffsetDateTime::now_utc() + lifetime).unix_timestamp().into();
    let id = Signer::from_pkcs8(key).unwrap().id().to_owned();
    let header = Header { typ: Some("at+jwt".to_owned()), kid: Some(id), ..Header::new(Algorithm::ES256) };
    format!("Bearer {}", jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(key)).unwrap())
}

#[tokio::test]
async fn whoever_cannot_be_verified_now_is_not_to_blame() {
    let gateway =
        Gateway::start_with(|config| config.identity.token_jwks_url = nobody().to_string().parse().unwrap()).await;
    gateway.send_signed_in(bare("GET", "/v1/orders/7")).await.problem(503);
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn who_is_calling_is_asked_before_what_is_sent_is_read() {
    let gateway = Gateway::start().await;
    gateway.send(harness::json("POST", "/v1/orders", "nonsense")).await.problem(401);
    gateway.send(bare("GET", "/v1/users/7/orders?page_size=x")).await.problem(401);
}
