//! Metrics, where they are to be fetched.

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
async fn a_prometheus_fetches_metrics_from_the_operations_port() {
    let config = Cli::parse_from(["test", "--otel-metrics-exporter", "prometheus", "--log-filter", "off"]).telemetry;
    let _telemetry = telemetry::init(&config, "shelves", "1.2.3").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let drain = Drain { drain_delay_s: 0, drain_timeout_s: 1 };
    let process = Process::start(listener, drain).unwrap();

    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{}/metrics", process.operations)).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text().await.unwrap();
    let us = text.lines().find(|line| line.starts_with("target_info{")).unwrap_or_else(|| panic!("{text}"));
    for label in [r#"service_name="shelves""#, r#"service_version="1.2.3""#, "service_instance_id="] {
        assert!(us.contains(label), "{us}");
    }
    for metric in ["tokio_workers", "process_memory_usage_bytes", "process_thread_count"] {
        assert!(text.lines().any(|line| line.starts_with(metric)), "{metric}: {text}");
    }
    assert!(!text.contains("otel_scope"), "{text}");
}
