//! Metrics, where they are sent rather than fetched.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use clap::Parser;
use lifecycle::{Drain, Process};
use tokio::net::TcpListener;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: telemetry::Config,
}

#[tokio::test]
async fn metrics_that_go_another_way_cannot_be_fetched() {
    let config = Cli::parse_from(["test", "--otel-metrics-exporter", "otlp", "--log-filter", "off"]).telemetry;
    let _telemetry = telemetry::init(&config, "shelves", "1").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let drain = Drain { drain_delay_s: 0, drain_timeout_s: 1 };
    let process = Process::start(listener, drain).unwrap();

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let ask = |path: &str| client.get(format!("http://{}{path}", process.operations)).send();
    assert_eq!(ask("/metrics").await.unwrap().status(), 404);
    assert_eq!(ask("/livez").await.unwrap().status(), 200);
}
