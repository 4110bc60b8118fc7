//! Telemetry that cannot start says why.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::env;

use clap::Parser;
use tokio::process::Command;

/// Says to the process, which is the same test once more, that it is the process. The exporters find this in the environment.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

const TEST: &str = "an_address_that_is_none_is_an_error";

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: telemetry::Config,
}

#[tokio::test]
async fn an_address_that_is_none_is_an_error() {
    if env::var_os(ENDPOINT).is_some() {
        let config = Cli::parse_from(["the-process", "--otel-exporter-otlp-protocol", "grpc"]).telemetry;
        let error = telemetry::init(&config, "the-process", "1").err().unwrap();
        return assert!(format!("{error:#}").contains(ENDPOINT), "{error:#}");
    }
    let mut process = Command::new(env::current_exe().unwrap());
    let output = process.args([TEST, "--exact"]).env(ENDPOINT, "no url").output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
