//! What the probes say of a process, and the `healthcheck` that asks them.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    future::{pending, ready},
    net::SocketAddr,
};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use lifecycle::{Drain, Health, Process, State, healthcheck, probes};
use tokio::net::TcpListener;
use tower::ServiceExt;

async fn ask(health: &Health, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let response = probes(health.clone()).oneshot(request).await.unwrap();
    let status = response.status();
    let body = to_bytes(response.into_body(), 1024).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

/// A process whose operations port is open.
async fn process() -> (Process, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain { drain_delay_s: 0, drain_timeout_s: 1 };
    (Process::start(listener, drain).unwrap(), address)
}

#[tokio::test]
async fn a_process_is_ready_between_its_start_and_its_drain() {
    let health = Health::default();
    let mut answers = vec![ask(&health, "/readyz").await];
    for state in [State::Ready, State::Draining] {
        health.set(state);
        answers.push(ask(&health, "/readyz").await);
        assert_eq!(ask(&health, "/livez").await.0, StatusCode::OK);
    }
    let expected = [
        (StatusCode::SERVICE_UNAVAILABLE, "starting\n".to_owned()),
        (StatusCode::OK, "ready\n".to_owned()),
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned()),
    ];
    assert_eq!(answers, expected);
}

#[tokio::test]
async fn the_public_is_told_nothing_of_what_is_behind() {
    let health = Health::default();
    health.check("database", async || Err("the password is wrong"));
    health.set(State::Ready);
    assert_eq!(ask(&health, "/readyz?verbose").await, (StatusCode::OK, "ready\n".to_owned()));
}

#[tokio::test]
async fn a_failing_check_is_reported_but_takes_nobody_out() {
    let (process, address) = process().await;
    process.health.check("database", async || Err("gone"));
    process.health.check("bus", async || Ok::<_, String>(()));
    process.health.set(State::Ready);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}/readyz?verbose")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), "ready\nbus: ok\ndatabase: gone\n");
}

#[tokio::test]
async fn a_check_that_hangs_has_failed() {
    let (process, address) = process().await;
    process.health.check("database", pending::<Result<(), String>>);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}/readyz?verbose")).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "starting\ndatabase: no answer within a second\n");
}

#[tokio::test]
async fn a_description_has_as_many_lines_as_it_needs_whatever_becomes_of_the_others() {
    let (process, address) = process().await;
    let describe = |name: &str, said: Result<&'static str, &'static str>| {
        process.health.describe(name, move || ready(said.map(str::to_owned).map_err(str::to_owned)));
    };
    describe("users", Ok("2 instances\n  10.0.0.1 up\n  10.0.0.2 ejected"));
    describe("registry", Err("has never answered\n  connection refused"));
    process.health.describe("orders", pending);
    // Whoever says it last is believed: an instance that is started again takes the place of the one before.
    describe("bus", Err("gone"));
    describe("bus", Ok("ok"));
    process.health.set(State::Ready);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{address}/readyz?verbose")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let expected = "ready\n\
                    bus: ok\n\
                    orders: no answer within a second\n\
                    registry: has never answered\n  connection refused\n\
                    users: 2 instances\n  10.0.0.1 up\n  10.0.0.2 ejected\n";
    assert_eq!(answer.text().await.unwrap(), expected);
}

#[tokio::test]
async fn the_healthcheck_is_about_being_ready() {
    let (process, mut address) = process().await;
    let problem = healthcheck(address).await.unwrap_err().to_string();
    assert_eq!(problem, "not ready: starting");
    process.health.set(State::Ready);
    healthcheck(address).await.unwrap();
    // A process that listens everywhere is asked on this machine.
    address.set_ip("0.0.0.0".parse().unwrap());
    healthcheck(address).await.unwrap();
}

#[tokio::test]
async fn the_healthcheck_of_nobody_fails() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert!(healthcheck(address).await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_named_with_its_setting() {
    let (_process, address) = process().await;
    let problem = lifecycle::listen("OPS_ADDR", address).await.unwrap_err().to_string();
    assert_eq!(problem, format!("OPS_ADDR: cannot listen on {address}"));
}
