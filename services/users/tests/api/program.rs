//! The program itself: its settings, its healthcheck, its end.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Output, Stdio},
};

use serde_json::Value;
use tokio::task::spawn_blocking;

use crate::harness::SECRET;

fn program() -> Command {
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
    ];
    let output = program().envs(wrong).output().unwrap();
    let problems = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{problems}");
    for setting in ["--grpc-addr", "--database-max-connections", "--database-url", "--key-secret", "--log-filter"] {
        assert!(problems.contains(setting), "{setting} is not in: {problems}");
    }
    assert_eq!(problems.lines().count(), 5, "{problems}");
    assert!(!problems.contains("swordfish"), "{problems}");
}

#[test]
fn the_help_names_every_variable() {
    let output = program().arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for variable in
        ["DATABASE_URL", "DATABASE_PASSWORD", "KEY_SECRET", "GRPC_ADDR", "HTTP_ADDR", "OPS_ADDR", "LOG_FILTER"]
    {
        assert!(help.contains(&format!("[env: {variable}")), "{variable}");
    }
}

#[tokio::test]
async fn it_starts_from_its_environment_is_healthy_and_ends_when_told() {
    let server = testkit::private_database(&users::MIGRATIONS).await.database_url;
    let url =
        format!("postgres://postgres@{}:{}/{}", server.get_host(), server.get_port(), server.get_database().unwrap());
    let password = testkit::server_password().unwrap_or_default();
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
