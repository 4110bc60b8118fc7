//! A gateway in front of stubs, what is asked of it, and what it answers.

use std::net::SocketAddr;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    http::{
        HeaderMap, HeaderValue, Request, StatusCode,
        header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE},
    },
};
use discovery::{Peer, Registry};
use gateway::{Backends, Config, Edge, EdgeConfig, RateLimitConfig};
use lifecycle::Health;
use serde_json::Value;
use testkit::Tokens;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

use crate::stubs::Stub;

pub struct Gateway {
    pub router: Router,
    /// What its port is like, where it is served.
    pub edge: EdgeConfig,
    /// Where it looks for services.
    pub registry: Registry,
    pub users: Stub,
    pub orders: Stub,
    pub health: Health,
    pub tokens: Tokens,
    /// The value of an `authorization` header that is good.
    pub authorization: HeaderValue,
}

impl Gateway {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_at(Registry::in_process(), change).await
    }

    pub async fn start_at(registry: Registry, change: impl FnOnce(&mut Config)) -> Self {
        let (users, orders) = (Stub::default(), Stub::default());
        let tokens = Tokens::issuer().await;
        let mut config = Config {
            http_addr: ([127, 0, 0, 1], 0).into(),
            users_url: users.serve().await,
            users_http_url: nobody(),
            orders_url: orders.serve().await,
            cors_allowed_origins: Vec::new(),
            request_timeout_ms: 5000,
            max_concurrent_requests: 1024,
            max_streams: 1000,
            edge: EdgeConfig::default(),
            rate_limit: RateLimitConfig::default(),
            client: rpc::ClientConfig::default(),
            identity: tokens.config.clone(),
            mesh: identity::MeshConfig::default(),
        };
        change(&mut config);
        let health = Health::default();
        let backends = Backends::connect(&config, &registry).unwrap();
        backends.follow(&registry.live("gateway"));
        let router = gateway::router(backends, &config, health.clone());
        let edge = config.edge;
        let authorization = tokens.bearer(Uuid::now_v7()).parse().unwrap();
        Self { router, edge, registry, users, orders, health, tokens, authorization }
    }

    /// On a port of its own, where the public reaches it.
    pub async fn serve(&self) -> SocketAddr {
        self.serve_until(CancellationToken::new()).await.0
    }

    /// The same, and what ends when it has served everybody after the signal.
    pub async fn serve_until(&self, shutdown: CancellationToken) -> (SocketAddr, JoinHandle<anyhow::Result<()>>) {
        let (listener, address) = testkit::listener().await;
        let edge = Edge::open(&self.edge).unwrap();
        (address, tokio::spawn(gateway::serve(listener, self.router.clone(), edge, shutdown)))
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, usize::MAX).await.unwrap() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(bare("GET", path)).await
    }

    pub async fn send_signed_in(&self, request: Request<Body>) -> Answer {
        self.send(with(request, AUTHORIZATION.as_str(), self.authorization.clone())).await
    }

    pub fn nothing_was_asked(&self) -> bool {
        self.users.calls() + self.orders.calls() == 0
    }
}

/// Where nobody listens: a port that is never given to whoever asks for a free one.
pub fn nobody() -> Peer {
    "http://127.0.0.1:1".parse().unwrap()
}

pub fn bare(method: &str, path: &str) -> Request<Body> {
    Request::builder().method(method).uri(path).body(Body::empty()).unwrap()
}

pub fn json(method: &str, path: &str, body: impl Into<Body>) -> Request<Body> {
    let mut request = bare(method, path);
    *request.body_mut() = body.into();
    with(request, CONTENT_TYPE.as_str(), "application/json")
}

/// With one more header.
pub fn with<V>(mut request: Request<Body>, name: &'static str, value: V) -> Request<Body>
where
    V: TryInto<HeaderValue, Error: std::fmt::Debug>,
{
    request.headers_mut().append(name, value.try_into().unwrap());
    request
}

#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// What is answered when all is well.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }

    /// What is answered when it is not: with all that every problem has, and without what none may have.
    #[track_caller]
    pub fn problem(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(self.headers[CONTENT_LENGTH], self.body.len().to_string());
        let is_challenged = self.header("www-authenticate").is_some();
        assert!(if is_challenged { matches!(status, 401 | 403) } else { status != 401 }, "{self:?}");
        let problem = self.json();
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["title"], self.status.canonical_reason().unwrap());
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"].as_str(), self.header("x-request-id"));
        let allowed: &[&str] = match status {
            ..500 => &["type", "title", "status", "request_id", "detail", "reason", "errors"],
            500.. => &["type", "title", "status", "request_id"],
        };
        for key in problem.as_object().unwrap().keys() {
            assert!(allowed.contains(&key.as_str()), "{key} in {problem}");
        }
        problem
    }

    /// The field that a 400 complains of, which is one only.
    #[track_caller]
    pub fn only_error(&self) -> String {
        let problem = self.problem(400);
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("no errors in {problem}"));
        assert_eq!(errors.len(), 1, "{problem}");
        assert!(!errors[0]["message"].as_str().unwrap().is_empty(), "{problem}");
        errors[0]["field"].as_str().unwrap().to_owned()
    }
}
