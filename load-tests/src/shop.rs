//! A shop as its customers reach it: through one gateway, by HTTP.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde_json::Value;

use crate::recorder::Recorder;

/// Nobody waits longer.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone)]
pub struct Shop {
    client: Client,
    base: Url,
    recorder: Arc<Recorder>,
}

/// Why an iteration failed, in words that are the same for the same reason.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    pub fn new(what: &str, why: impl fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }

    pub fn no_room() -> Self {
        Self("not begun: too many were under way (--max-in-flight)".to_owned())
    }

    pub fn never_ended() -> Self {
        Self("not ended some time after the last one had begun".to_owned())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Shop {
    /// One for each target.
    pub fn open_all(targets: &[Url], recorder: &Arc<Recorder>) -> anyhow::Result<Vec<Self>> {
        targets.iter().map(|target| Self::open(target, recorder)).collect()
    }

    fn open(target: &Url, recorder: &Arc<Recorder>) -> anyhow::Result<Self> {
        ensure!(
            matches!(target.scheme(), "http" | "https") && target.has_host(),
            "--target {target}: not a gateway's URL"
        );
        let client = Client::builder().no_proxy().timeout(PATIENCE);
        // Where nothing is encrypted, no root certificates are needed, which small images do not have.
        let client = if target.scheme() == "http" { client.tls_certs_only([]) } else { client };
        let client = client.build().context("no client can be made")?;
        Ok(Self { client, base: target.clone(), recorder: recorder.clone() })
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.base.clone();
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        url.set_path(path);
        url.set_query(query);
        self.client.request(method, url)
    }

    /// Makes a call that must be answered by `expected`, and is told as `what`.
    pub async fn call(
        &self,
        what: &'static str,
        request: RequestBuilder,
        expected: StatusCode,
    ) -> Result<Response, Failure> {
        let began = Instant::now();
        let answer = request.send().await.map_err(|error| unanswered(what, &error))?;
        self.recorder.call(what, began, answer.status().as_u16());
        match answer.status() {
            status if status == expected => Ok(answer),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(Failure::new(what, "429, the gateway's rate limit (`cargo up --rate-limit off` has none)"))
            }
            status => Err(Failure::new(what, status)),
        }
    }

    /// The same, for what the answer says, to its end.
    pub async fn json(
        &self,
        what: &'static str,
        request: RequestBuilder,
        expected: StatusCode,
    ) -> Result<Value, Failure> {
        let answer = self.call(what, request, expected).await?;
        answer.json().await.map_err(|error| unanswered(what, &error))
    }
}

pub fn unanswered(what: &str, error: &reqwest::Error) -> Failure {
    let why = match error {
        error if error.is_timeout() => "no answer in time",
        error if error.is_connect() => "no connection",
        error if error.is_decode() => "an answer that is not JSON",
        _ => "the connection broke",
    };
    Failure::new(what, why)
}

pub fn text(value: &Value, name: &str) -> Result<String, Failure> {
    value[name].as_str().map(str::to_owned).ok_or_else(|| Failure::new("an answer", format_args!("without {name}")))
}
