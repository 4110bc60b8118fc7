//! What stands in front of the gateways elsewhere: it takes them in turn, asks each whether it is ready, and asks the
//! other one where one does not answer.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::anyhow;
use reqwest::{Client, RequestBuilder, StatusCode, header::LOCATION};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::Request;
use crate::cluster::client;

/// Longer than anything that is measured.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Shorter than the drain's delay, which is there to be noticed.
const BETWEEN_CHECKS: Duration = Duration::from_millis(500);

pub struct Balancer {
    client: Client,
    gateways: Vec<Gateway>,
    turn: AtomicUsize,
    failed_over: AtomicUsize,
    _checks: JoinSet<()>,
}

#[derive(Clone)]
struct Gateway {
    url: String,
    is_ready: Arc<AtomicBool>,
}

pub struct Answer {
    pub status: StatusCode,
    pub location: Option<String>,
    pub body: Vec<u8>,
}

impl Answer {
    /// For people.
    pub fn text(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}

impl Balancer {
    pub fn new(gateways: &[SocketAddr]) -> anyhow::Result<Self> {
        let mut checks = JoinSet::new();
        let mut balanced = Vec::new();
        for address in gateways {
            let gateway = Gateway { url: format!("http://{address}"), is_ready: Arc::new(true.into()) };
            checks.spawn(gateway.clone().check(client(BETWEEN_CHECKS)?));
            balanced.push(gateway);
        }
        let (turn, failed_over) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ok(Self { client: client(TIMEOUT)?, gateways: balanced, turn, failed_over, _checks: checks })
    }

    pub fn failed_over(&self) -> usize {
        self.failed_over.load(Ordering::Relaxed)
    }

    /// Errors: nobody answers, or it is not known whether the request arrived and it must not arrive twice.
    pub async fn send(&self, request: &Request) -> anyhow::Result<Answer> {
        let mut last = anyhow!("there is no gateway");
        for (attempt, gateway) in self.in_turn().into_iter().enumerate() {
            if attempt > 0 {
                self.failed_over.fetch_add(1, Ordering::Relaxed);
            }
            let error = match self.ask(gateway, request).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let was_never_sent = error.is_connect();
            last = error.into();
            if !was_never_sent && !request.may_be_repeated() {
                break;
            }
        }
        Err(last)
    }

    /// The one whose turn it is, then the others; those that are not ready come last.
    fn in_turn(&self) -> Vec<&Gateway> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut gateways: Vec<_> = self.gateways.iter().collect();
        gateways.rotate_left(turn % self.gateways.len());
        gateways.sort_by_key(|gateway| !gateway.is_ready.load(Ordering::Relaxed));
        gateways
    }

    async fn ask(&self, gateway: &Gateway, request: &Request) -> reqwest::Result<Answer> {
        let answer = self.prepare(gateway, request).send().await?;
        let status = answer.status();
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok()).map(str::to_owned);
        Ok(Answer { status, location, body: answer.bytes().await?.into() })
    }

    fn prepare(&self, gateway: &Gateway, request: &Request) -> RequestBuilder {
        let mut prepared = self.client.request(request.method.clone(), format!("{}{}", gateway.url, request.path));
        prepared = prepared.headers(request.headers.clone());
        if let Some(token) = &request.token {
            prepared = prepared.bearer_auth(token);
        }
        if let Some(key) = &request.idempotency_key {
            prepared = prepared.header("idempotency-key", key);
        }
        match &request.body {
            Some(body) => prepared.json(body),
            None => prepared,
        }
    }
}

impl Gateway {
    async fn check(self, client: Client) {
        let mut checks = interval(BETWEEN_CHECKS);
        checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            checks.tick().await;
            let answer = client.get(format!("{}/readyz", self.url)).send().await;
            let is_ready = answer.is_ok_and(|answer| answer.status().is_success());
            self.is_ready.store(is_ready, Ordering::Relaxed);
        }
    }
}
