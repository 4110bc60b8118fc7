//! The operations port: `/livez` and `/readyz` for orchestrators, `/metrics` for a Prometheus.

use std::{fmt::Write, net::SocketAddr, time::Duration};

use anyhow::{Context, ensure};
use axum::{
    Router,
    extract::{RawQuery, State as Shared},
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};

use crate::{Health, State};

/// `/livez`: the process runs. `/readyz`: it takes requests.
///
/// Ready is not "all is well": see [`Health::check`].
pub fn probes(health: Health) -> Router {
    let readyz = async move || readiness(health.state());
    Router::new().route("/livez", get("alive\n")).route("/readyz", get(readyz))
}

/// The same for the operations port, where `/readyz?verbose` says more than the public should know.
pub(crate) fn router(health: Health) -> Router {
    let router = Router::new().route("/livez", get("alive\n")).route("/readyz", get(readyz)).with_state(health);
    router.route("/metrics", get(metrics))
}

/// Not there, where metrics go another way.
async fn metrics() -> Result<impl IntoResponse, StatusCode> {
    let text = telemetry::prometheus_text().ok_or(StatusCode::NOT_FOUND)?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

async fn readyz(Shared(health): Shared<Health>, RawQuery(query): RawQuery) -> (StatusCode, String) {
    let (status, mut answer) = readiness(health.state());
    if query.as_deref().is_some_and(|query| query.starts_with("verbose")) {
        for (name, outcome) in health.report().await {
            let (Ok(outcome) | Err(outcome)) = outcome;
            // Writing to a String cannot fail.
            let _ = writeln!(answer, "{name}: {outcome}");
        }
    }
    (status, answer)
}

fn readiness(state: State) -> (StatusCode, String) {
    let status = match state {
        State::Ready => StatusCode::OK,
        State::Starting | State::Draining => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, format!("{state}\n"))
}

/// Asks the process whose operations port this is whether it is ready: the `healthcheck` sub-command of an image that
/// has no curl.
///
/// Errors: it is not, or does not answer within two seconds.
pub async fn healthcheck(mut operations: SocketAddr) -> anyhow::Result<()> {
    if operations.ip().is_unspecified() {
        operations.set_ip(match operations {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    // It speaks no TLS, so it must not ask for root certificates, which small images do not have.
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(2)).build()?;
    let answer = client.get(format!("http://{operations}/readyz")).send().await.context("no answer")?;
    ensure!(answer.status().is_success(), "not ready: {}", answer.text().await.unwrap_or_default().trim());
    Ok(())
}
