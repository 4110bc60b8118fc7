//! The program itself: its settings, its healthcheck, its commands, its end.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tokio::task::spawn_blocking;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payments"));
    // As in an image without root certificates: nothing here speaks TLS.
    command.env_clear().envs([("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")]);
    // Nobody is there.
    command.env("NATS_URL", "nats://127.0.0.1:1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Ends with the test, whatever becomes of it.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn every_problem_of_its_settings_is_reported_at_once() {
    let wrong = [
        ("DATABASE_MAX_CONNECTIONS", "0"),
        ("PROVIDER_LATENCY_MS", "soon"),
        ("PROVIDER_DECLINE_RATE", "1.1"),
        ("PROVIDER_FAILURE_RATE", "-0.1"),
        ("PROVIDER_MAX_AMOUNT", "-1"),
        ("EVENTS_MAX_DELIVER", "0"),
        ("OPS_ADDR", "nowhere"),
    ];
    let output = program().envs(wrong).output().unwrap();
    let problems = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{problems}");
    let named = [
        "--database-url",
        "--database-max-connections",
        "--provider-latency-ms",
        "--provider-decline-rate",
        "--provider-failure-rate",
        "--provider-max-amount",
        "--events-max-deliver",
        "--ops-addr",
    ];
    for setting in named {
        assert!(problems.contains(setting), "{setting} is not in: {problems}");
    }
    assert_eq!(problems.lines().count(), named.len(), "{problems}");
}

/// The URL and the password of a database of its own.
async fn database() -> (String, String) {
    let server = testkit::private_database(&payments::MIGRATIONS).await.database_url;
    let url =
        format!("postgres://postgres@{}:{}/{}", server.get_host(), server.get_port(), server.get_database().unwrap());
    (url, testkit::server_password().unwrap_or_default())
}

#[tokio::test]
async fn it_is_ready_without_a_bus_is_healthy_and_ends_when_told() {
    let (url, password) = database().await;
    spawn_blocking(move || start_check_and_stop(&url, &password)).await.unwrap();
}

fn start_check_and_stop(url: &str, password: &str) {
    let settings = [("DATABASE_URL", url), ("DATABASE_PASSWORD", password), ("DRAIN_DELAY_S", "0")];
    let healthcheck =
        |operations: &str| program().envs(settings).env("OPS_ADDR", operations).arg("healthcheck").output().unwrap();
    let mut running = Running(program().envs(settings).env("OPS_ADDR", "127.0.0.1:0").spawn().unwrap());
    let log = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let ready = log.map(|line| serde_json::from_str(&line.unwrap()).unwrap());
    let ready = ready.into_iter().find(|line: &Value| line["message"] == "ready").unwrap();
    let operations = ready["operations"].as_str().unwrap();
    let healthy = healthcheck(operations);
    assert!(healthy.status.success(), "{}", stderr(&healthy));

    let status = program().envs(settings).args(["outbox", "status"]).output().unwrap();
    assert!(status.status.success(), "{}", stderr(&status));
    let unknown = ["outbox", "replay", "0193a5b0-0000-7000-8000-000000000000"];
    assert_eq!(program().envs(settings).args(unknown).output().unwrap().status.code(), Some(1));

    Command::new("kill").arg(running.0.id().to_string()).status().unwrap();
    assert!(running.0.wait().unwrap().success());
    assert_eq!(healthcheck(operations).status.code(), Some(1));
}

#[test]
fn an_operator_is_told_of_a_database_that_is_away() {
    let output = program()
        .env("DATABASE_URL", "postgres://payments@127.0.0.1:1/payments")
        .args(["outbox", "status"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("the database does not answer"), "{}", stderr(&output));
}
