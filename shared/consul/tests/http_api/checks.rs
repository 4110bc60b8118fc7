//! How an agent finds out whether something is well, of each kind.

use std::time::Duration;

use axum::Router;
use consul::{Agent, CheckStatus, Error, NewCheck, NewService, Probe, Schedule};

use crate::harness::{error, eventually, start, ttl, web};

const OFTEN: Schedule = Schedule { interval: Duration::from_millis(50), timeout: Duration::from_secs(1) };

/// A check of which nothing is known before the first probe.
fn probed(id: &str, probe: Probe) -> NewCheck {
    NewCheck { probe, status: None, ..ttl(id) }
}

async fn status(agent: Agent<'_>, id: &str) -> Option<CheckStatus> {
    agent.checks().await.unwrap().get(id).map(|check| check.status)
}

/// A server that answers 404 to everything but `/readyz`, and takes every connection.
async fn server() -> String {
    let (listener, address) = testkit::listener().await;
    let router = Router::new().route("/readyz", axum::routing::get(async || "ready"));
    tokio::spawn(axum::serve(listener, router).into_future());
    address.to_string()
}

#[tokio::test]
async fn an_http_check_follows_the_status_of_its_url() {
    let Some((_consul, client)) = start().await else { return };
    let (agent, server) = (client.agent(), server().await);
    let http = |path: &str| Probe::Http { url: format!("http://{server}{path}"), schedule: OFTEN };
    let initially_wrong = NewCheck { status: Some(CheckStatus::Passing), ..probed("absent", http("/absent")) };
    let checks = vec![probed("ready", http("/readyz")), initially_wrong];
    agent.register_service(&NewService { checks, ..web("web-1") }).await.unwrap();

    eventually("a passing check", async || status(agent, "ready").await == Some(CheckStatus::Passing)).await;
    eventually("a critical check", async || status(agent, "absent").await == Some(CheckStatus::Critical)).await;
}

#[tokio::test]
async fn a_tcp_check_passes_where_somebody_listens() {
    let Some((_consul, client)) = start().await else { return };
    let agent = client.agent();
    let tcp = |address: String| Probe::Tcp { address, schedule: OFTEN };
    agent.register_check(&probed("open", tcp(server().await)), None).await.unwrap();
    eventually("a passing check", async || status(agent, "open").await == Some(CheckStatus::Passing)).await;
}

#[tokio::test]
async fn a_grpc_check_fails_where_nobody_speaks_it() {
    let Some((_consul, client)) = start().await else { return };
    let agent = client.agent();
    let grpc = Probe::Grpc { target: server().await, use_tls: false, schedule: OFTEN };
    let check = NewCheck { status: Some(CheckStatus::Passing), ..probed("grpc", grpc) };
    agent.register_check(&check, None).await.unwrap();
    eventually("a critical check", async || status(agent, "grpc").await == Some(CheckStatus::Critical)).await;
}

#[tokio::test]
async fn a_check_is_critical_until_something_else_is_known() {
    let Some((_consul, client)) = start().await else { return };
    let unknown = NewCheck { status: None, ..ttl("ttl") };
    client.agent().register_check(&unknown, None).await.unwrap();
    assert_eq!(status(client.agent(), "ttl").await, Some(CheckStatus::Critical));
}

#[tokio::test]
async fn a_ttl_check_says_what_it_is_told() {
    let Some((_consul, client)) = start().await else { return };
    let agent = client.agent();
    agent.register_check(&ttl("ttl"), None).await.unwrap();
    let output = async || agent.checks().await.unwrap()["ttl"].output.clone();

    agent.warn_check("ttl", "so so & so").await.unwrap();
    assert_eq!((status(agent, "ttl").await, output().await), (Some(CheckStatus::Warning), "so so & so".to_owned()));
    agent.fail_check("ttl", "no").await.unwrap();
    assert_eq!((status(agent, "ttl").await, output().await), (Some(CheckStatus::Critical), "no".to_owned()));
    agent.pass_check("ttl", "yes").await.unwrap();
    assert_eq!((status(agent, "ttl").await, output().await), (Some(CheckStatus::Passing), "yes".to_owned()));
    agent.update_check("ttl", CheckStatus::Warning, "a longer\ntext").await.unwrap();
    assert_eq!((status(agent, "ttl").await, output().await), (Some(CheckStatus::Warning), "a longer\ntext".to_owned()));
}

#[tokio::test]
async fn a_ttl_check_that_nobody_looks_after_becomes_critical() {
    let Some((_consul, client)) = start().await else { return };
    let agent = client.agent();
    let short = NewCheck { probe: Probe::Ttl { ttl: Duration::from_millis(100) }, ..ttl("ttl") };
    agent.register_check(&short, None).await.unwrap();
    eventually("a critical check", async || status(agent, "ttl").await == Some(CheckStatus::Critical)).await;
}

#[tokio::test]
async fn a_ttl_check_that_is_not_there_is_not_found() {
    let Some((_consul, client)) = start().await else { return };
    let passed = error(client.agent().pass_check("ttl", "")).await;
    assert!(matches!(passed, Error::NotFound(_)), "{passed}");
    let updated = error(client.agent().update_check("ttl", CheckStatus::Passing, "")).await;
    assert!(matches!(updated, Error::NotFound(_)), "{updated}");
}

#[tokio::test]
async fn a_check_can_be_added_to_a_service_and_taken_away() {
    let Some((_consul, client)) = start().await else { return };
    let agent = client.agent();
    agent.register_service(&web("web-1")).await.unwrap();
    agent.register_check(&ttl("added"), Some("web-1")).await.unwrap();
    let added = agent.checks().await.unwrap()["added"].clone();
    assert_eq!((added.service_id.as_str(), added.service_name.as_str()), ("web-1", "web"));
    agent.deregister_check("added").await.unwrap();
    assert!(agent.checks().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_check_of_a_service_that_is_not_there_fails() {
    let Some((_consul, client)) = start().await else { return };
    let registered = error(client.agent().register_check(&ttl("added"), Some("web-1"))).await;
    assert!(matches!(registered, Error::Refused { .. } | Error::NotFound(_)), "{registered}");
}

#[tokio::test]
async fn a_service_that_stays_critical_can_be_deregistered_by_consul() {
    let Some((_consul, client)) = start().await else { return };
    let minute = Some(Duration::from_secs(60));
    let check = NewCheck { deregister_critical_service_after: minute, ..ttl("ttl") };
    let service = NewService { checks: vec![check], ..web("web-1") };
    // That it happens takes Consul a minute and a half; here it is enough that the field is understood.
    client.agent().register_service(&service).await.unwrap();
    assert_eq!(status(client.agent(), "ttl").await, Some(CheckStatus::Passing));
}
