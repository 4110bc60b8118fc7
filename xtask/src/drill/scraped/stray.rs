//! Requests for what is nowhere, in ways that nobody knows: an attacker's way to fill a Prometheus.

use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Method, StatusCode};

use crate::drill::load::{Clientele, Request};
use crate::{
    cluster::{Cluster, Prometheus, Sample},
    patience::until,
};

/// Of requests, through each gateway: so many in a row are one of each.
pub const KINDS: usize = 8;

const SCRAPED_WITHIN: Duration = Duration::from_secs(10);

const COUNT: &str = "http_server_request_duration_seconds_count";

pub async fn requests(cluster: &Cluster, clientele: &Clientele, count: usize) -> anyhow::Result<()> {
    let [one, other] = cluster.front()[..] else { anyhow::bail!("there are two gateways") };
    let at = [clientele.through(&[one])?, clientele.through(&[other])?];
    for number in 0..count {
        at[number % 2].send(&request(number / 2)?, tokio::time::Instant::now()).await.succeeded()?;
    }
    Ok(())
}

/// Its answer is that there is no such path, or no such method.
fn request(number: usize) -> anyhow::Result<Request> {
    let new_method = Method::from_bytes(format!("X{number}-BREW").as_bytes())?;
    let nowhere = format!("/nowhere-{number}/{}", uuid::Uuid::now_v7());
    let (method, path, hoped_for) = match number % 4 {
        0 => (Method::GET, nowhere, StatusCode::NOT_FOUND),
        1 => (Method::DELETE, nowhere, StatusCode::NOT_FOUND),
        2 => (new_method, nowhere, StatusCode::NOT_FOUND),
        _ => (new_method, "/v1/products".to_owned(), StatusCode::METHOD_NOT_ALLOWED),
    };
    Ok(Request { method, hoped_for, ..Request::get(path) })
}

/// How many series of the gateways there are, when everything that they have counted by now is scraped.
pub async fn series(cluster: &Cluster, prometheus: &Prometheus) -> anyhow::Result<u64> {
    let mut counted = 0.0;
    for gateway in &cluster.gateways {
        let samples = gateway.metrics().await?.into_iter().filter(|sample| sample.name == COUNT);
        counted += samples.map(|Sample { value, .. }| value).sum::<f64>();
    }
    ensure!(counted > 0.0, "the gateways have counted no requests");
    let of_gateways = format!("sum({COUNT}{{job=\"gateway\"}})");
    let is_scraped = async || only(prometheus, &of_gateways).await.is_ok_and(|scraped| scraped >= counted);
    until("what the gateways have counted is scraped", SCRAPED_WITHIN, is_scraped).await?;
    Ok(only(prometheus, "count({job=\"gateway\"})").await? as u64)
}

async fn only(prometheus: &Prometheus, expression: &str) -> anyhow::Result<f64> {
    let series = prometheus.query(expression).await?;
    Ok(series.first().with_context(|| format!("{expression} gives nothing"))?.value)
}
