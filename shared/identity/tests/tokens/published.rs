//! An issuer whose keys are published over HTTP, and who may answer as nobody should.

use std::{
    future::pending,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use axum::{
    Router,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::get,
};
use discovery::{Registration, Registry};
use identity::{Config, Issuer, Verifier};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::yield_now,
    time::{self, timeout},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use crate::forge::{Key, now};

#[derive(Clone)]
pub enum Answer {
    Keys(Vec<Value>),
    Text(String),
    Elsewhere(SocketAddr),
    Away,
    Nothing,
}

/// An issuer with one key, which counts who asks for it.
#[derive(Clone)]
pub struct Published {
    pub key: Arc<Key>,
    pub address: SocketAddr,
    answer: Arc<Mutex<Answer>>,
    fetches: Arc<AtomicUsize>,
}

impl Published {
    pub async fn new() -> Self {
        Self::with(Key::es256()).await
    }

    pub async fn with(key: Key) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answer = Arc::new(Mutex::new(Answer::Keys(vec![key.jwk("key")])));
        let issuer = Self { key: Arc::new(key), address, answer, fetches: Arc::default() };
        let answering = issuer.clone();
        let router = Router::new().route("/keys", get(async move || answering.answer().await));
        tokio::spawn(axum::serve(listener, router).into_future());
        issuer
    }

    async fn answer(&self) -> Response {
        self.fetches.fetch_add(1, SeqCst);
        let answer = self.answer.lock().unwrap().clone();
        match answer {
            Answer::Keys(keys) => json!({ "keys": keys }).to_string().into_response(),
            Answer::Text(text) => text.into_response(),
            Answer::Elsewhere(address) => {
                (StatusCode::FOUND, [(LOCATION, format!("http://{address}/keys"))]).into_response()
            }
            Answer::Away => StatusCode::SERVICE_UNAVAILABLE.into_response(),
            Answer::Nothing => pending().await,
        }
    }

    pub fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub fn fetches(&self) -> usize {
        self.fetches.load(SeqCst)
    }

    pub fn verifier(&self) -> Verifier {
        verifier(&format!("http://{}/keys", self.address), &Registry::in_process())
    }

    /// Lets the issuer be found, until what is returned is dropped.
    pub fn register(&self, registry: &Registry) -> AbortOnDropHandle<()> {
        let address = self.address;
        let (registration, registry) = (Registration::http("users", "1.2.3", address, address), registry.clone());
        let register = async move { registry.register(registration, CancellationToken::new()).await };
        AbortOnDropHandle::new(tokio::spawn(register))
    }

    pub fn bearer(&self) -> String {
        self.bearer_by("key")
    }

    /// Of a key with this id, whatever key that is.
    pub fn bearer_by(&self, id: &str) -> String {
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": id});
        let claims = json!({
            "iss": "http://issuer", "sub": Uuid::now_v7(), "aud": "shop", "exp": now() + 60, "client_id": "tests",
        });
        format!("Bearer {}", self.key.token(&header, &claims))
    }
}

pub fn verifier(url: &str, registry: &Registry) -> Verifier {
    let issuer = Issuer { token_issuer: "http://issuer".to_owned(), token_audience: "shop".to_owned() };
    let config = Config { issuer, token_jwks_url: url.parse().unwrap(), outside_issuers: Vec::new() };
    Verifier::new(&config, registry, &identity::Mesh::plain()).unwrap()
}

/// Lets this time go by at once.
pub async fn pass(duration: Duration) {
    time::pause();
    time::advance(duration).await;
    time::resume();
}

pub async fn until(state: impl AsyncFn() -> bool) {
    let wait = async {
        while !state().await {
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), wait).await.expect("it comes to that");
}

/// Longer than keys are fresh.
pub const STALE: Duration = Duration::from_secs(301);
