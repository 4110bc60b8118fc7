//! The program itself: its settings, its healthcheck, its end.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use testkit::Consul;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use crate::harness::SECRET;

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_users"));
    // As in an image without root certificates: nothing here speaks TLS.
    command.env_clear().envs([("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")]);
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
        ("GRPC_ADDR", "nowhere"),
        ("DATABASE_MAX_CONNECTIONS", "0"),
        ("KEY_SECRET", "swordfish"),
        ("LOG_FILTER", "loud=please"),
        ("CONSUL_URL", "nonsense"),
        ("CONSUL_TOKEN_FILE", "/nowhere/token"),
        ("CONSUL_CHECK_INTERVAL_S", "0"),
        ("ADVERTISE_ADDRESS", ":1"),
        ("DRAIN_DELAY_S", "soon"),
        ("MAX_CONCURRENT_CALLS", "0"),
        ("PEER_TLS", "files"),
        ("PEER_TLS_CA_FILE", "ca.pem"),
        ("ALLOWED_CALLERS", "gateway,not a name"),
    ];
    let output = program().envs(wrong).output().unwrap();
    let problems = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{problems}");
    let named = [
        "--grpc-addr",
        "--database-max-connections",
        "--database-url",
        "--key-secret",
        "--log-filter",
        "--consul-url",
        "CONSUL_TOKEN_FILE: /nowhere/token",
        "--consul-check-interval-s",
        "--advertise-address",
        "--drain-delay-s",
        "--max-concurrent-calls",
        "--peer-tls-certificate-file",
        "--peer-tls-key-file",
        "--allowed-callers",
    ];
    for setting in named {
        assert!(problems.contains(setting), "{setting} is not in: {problems}");
    }
    assert_eq!(problems.lines().count(), named.len(), "{problems}");
    assert!(!problems.contains("swordfish"), "{problems}");
}

#[test]
fn the_help_names_every_variable() {
    let output = program().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for variable in [
        "DATABASE_URL",
        "DATABASE_PASSWORD",
        "KEY_SECRET",
        "GRPC_ADDR",
        "HTTP_ADDR",
        "OPS_ADDR",
        "LOG_FILTER",
        "CONSUL_URL",
        "CONSUL_TOKEN",
        "CONSUL_CA_FILE",
        "CONSUL_DATACENTER",
        "CONSUL_CHECK_INTERVAL_S",
        "ADVERTISE_ADDRESS",
        "ZONE",
        "DRAIN_DELAY_S",
        "MAX_CONCURRENT_CALLS",
    ] {
        assert!(help.contains(&format!("[env: {variable}")), "{variable}");
    }
}

/// With what is required, on free ports.
fn minimal() -> Command {
    let mut command = program();
    command.envs([("DATABASE_URL", "postgres://users@127.0.0.1:1/users"), ("KEY_SECRET", SECRET)]);
    command.envs(["GRPC_ADDR", "HTTP_ADDR", "OPS_ADDR"].map(|port| (port, "127.0.0.1:0")));
    command
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    let consul = [("CONSUL_URL", "https://127.0.0.1:1"), ("CONSUL_CA_FILE", "/nowhere/ca.pem")];
    let output = minimal().envs(consul).output().unwrap();
    let complaint = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    assert!(complaint.starts_with("CONSUL_CA_FILE /nowhere/ca.pem cannot be read: "), "{complaint}");
}

/// The URL and the password of a database of its own.
async fn database() -> (String, String) {
    let server = testkit::private_database(&users::MIGRATIONS).await.database_url;
    let url =
        format!("postgres://postgres@{}:{}/{}", server.get_host(), server.get_port(), server.get_database().unwrap());
    (url, testkit::server_password().unwrap_or_default())
}

#[tokio::test]
async fn it_starts_from_its_environment_is_healthy_and_ends_when_told() {
    let (url, password) = database().await;
    spawn_blocking(move || start_check_and_stop(&url, &password)).await.unwrap();
}

fn start_check_and_stop(url: &str, password: &str) {
    let settings = [
        ("DATABASE_URL", url),
        ("DATABASE_PASSWORD", password),
        ("KEY_SECRET", SECRET),
        ("GRPC_ADDR", "127.0.0.1:0"),
        ("HTTP_ADDR", "127.0.0.1:0"),
    ];
    let healthcheck =
        |operations: &str| program().envs(settings).env("OPS_ADDR", operations).arg("healthcheck").output().unwrap();
    let mut running = Running(program().envs(settings).env("OPS_ADDR", "127.0.0.1:0").spawn().unwrap());
    let log = BufReader::new(running.0.stdout.take().unwrap()).lines();
    let ready = log.map(Result::unwrap).inspect(|line| assert!(!line.contains(SECRET), "{line}"));
    let ready: Value =
        ready.map(|line| serde_json::from_str(&line).unwrap()).find(|line: &Value| line["message"] == "ready").unwrap();
    let operations = ready["operations"].as_str().unwrap();
    let healthy = healthcheck(operations);
    assert!(healthy.status.success(), "{}", stderr(&healthy));

    Command::new("kill").arg(running.0.id().to_string()).status().unwrap();
    assert!(running.0.wait().unwrap().success());
    assert_eq!(healthcheck(operations).status.code(), Some(1));
}

#[tokio::test]
async fn it_can_be_found_with_a_token_from_a_file_until_it_ends() {
    let token = Uuid::new_v4().to_string();
    let Some(consul) = Consul::start_with_acl(&token).await else { return };
    let file = env::temp_dir().join(format!("users-test-{}", Uuid::new_v4()));
    fs::write(&file, format!("{token}\n")).unwrap();
    let (url, password) = database().await;
    let mut command = minimal();
    command.envs([("DATABASE_URL", &url), ("DATABASE_PASSWORD", &password), ("CONSUL_URL", &consul.url())]);
    let mut running = Running(command.env("CONSUL_TOKEN_FILE", &file).env("DRAIN_DELAY_S", "0").spawn().unwrap());

    while registered(&consul, &token).await.as_object().unwrap().is_empty() {}
    Command::new("kill").arg(running.0.id().to_string()).status().unwrap();
    let mut log = String::new();
    running.0.stdout.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(running.0.wait().unwrap().success(), "{log}");
    assert_eq!(registered(&consul, &token).await, json!({}));
    assert!(!log.contains(&token), "{log}");
    fs::remove_file(file).unwrap();
}

/// What the agent knows of this machine.
async fn registered(consul: &Consul, token: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
    let request = client.get(format!("{}/v1/agent/services", consul.url())).header("x-consul-token", token);
    request.send().await.unwrap().json().await.unwrap()
}
