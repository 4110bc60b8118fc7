//! Somebody with an account, for what is asked one by one, or for a path that `load` does not know.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::cluster::client;

const PASSWORD: &str = "a password of a benchmark";

#[derive(Clone)]
pub struct Customer {
    client: Client,
    url: String,
    pub id: Uuid,
    token: String,
}

impl Customer {
    pub async fn sign_up(url: &str) -> anyhow::Result<Self> {
        let client = client(Duration::from_secs(30))?;
        let mut customer = Self { client, url: url.to_owned(), id: Uuid::nil(), token: String::new() };
        let email = format!("{}@bench.example", Uuid::new_v4().simple());
        let account = json!({ "email": email, "display_name": "A benchmark", "password": PASSWORD });
        let account = customer.post("/v1/users", &account).await?;
        let session = json!({ "email": email, "password": PASSWORD });
        let session = customer.post("/v1/sessions", &session).await?;
        customer.id = text(&account, "id")?.parse()?;
        text(&session, "access_token")?.clone_into(&mut customer.token);
        Ok(customer)
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.ask(self.request(Method::POST, path).json(body)).await
    }

    /// Returns its id.
    pub async fn place(&self, skus: &[String], idempotency_key: Option<Uuid>) -> anyhow::Result<String> {
        let items: Vec<_> = skus.iter().map(|sku| json!({ "sku": sku, "quantity": 1 })).collect();
        let mut request = self.request(Method::POST, "/v1/orders").json(&json!({ "items": items }));
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key.to_string());
        }
        let order = self.ask(request).await?;
        Ok(text(&order, "id")?.to_owned())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.url));
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    async fn ask(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.send().await?;
        let (status, url) = (answer.status(), answer.url().clone());
        let body = answer.text().await?;
        ensure!(status.is_success(), "{url}: {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Again and again, until `enough`.
    async fn go_on(self, path: String, answered: Arc<AtomicU64>, enough: CancellationToken) -> anyhow::Result<()> {
        while !enough.is_cancelled() {
            let answer = self.request(Method::GET, &path).send().await?;
            ensure!(answer.status() == StatusCode::OK, "{path}: {}", answer.status());
            answer.bytes().await?;
            answered.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

pub fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value[name].as_str().with_context(|| format!("an answer without {name}: {value}"))
}

/// Many who ask for something each, again and again.
pub struct Crowd {
    asking: JoinSet<anyhow::Result<()>>,
    answered: Arc<AtomicU64>,
    enough: CancellationToken,
}

impl Crowd {
    /// `connections` of them, who take turns with these paths.
    pub fn gather(who: &[(Customer, String)], connections: usize) -> Self {
        let (mut asking, answered, enough) = (JoinSet::new(), Arc::default(), CancellationToken::new());
        for (customer, path) in who.iter().cycle().take(connections).cloned() {
            asking.spawn(customer.go_on(path, Arc::clone(&answered), enough.clone()));
        }
        Self { asking, answered, enough }
    }

    /// How many answers there were so far.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Errors: an answer was not what it should be.
    pub async fn leave(self) -> anyhow::Result<()> {
        self.enough.cancel();
        self.asking.join_all().await.into_iter().collect()
    }
}
