//! A collector that hangs or refuses holds nobody up; what it does not take is lost, and counted.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    env,
    process::Stdio,
    time::{Duration, Instant},
};

use clap::Parser;
use opentelemetry::{Context, trace::SpanKind};
use telemetry::{CALL_SECONDS, Operations};
use testkit::told::metric;
use tokio::{net::TcpListener, process::Command, task::yield_now, time::timeout};

/// Says to the process, which is the same test once more, that it is the process.
const IS_THE_PROCESS: &str = "IS_THE_PROCESS";

/// Much more than the queues take.
const REQUESTS: usize = 3_000;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: telemetry::Config,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_nobody_up_over_http() {
    nobody_is_held_up("a_collector_that_hangs_holds_nobody_up_over_http", "http/protobuf", hanging().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_holds_nobody_up_over_grpc() {
    nobody_is_held_up("a_collector_that_hangs_holds_nobody_up_over_grpc", "grpc", hanging().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_refuses_holds_nobody_up_over_http() {
    nobody_is_held_up("a_collector_that_refuses_holds_nobody_up_over_http", "http/protobuf", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_refuses_holds_nobody_up_over_grpc() {
    nobody_is_held_up("a_collector_that_refuses_holds_nobody_up_over_grpc", "grpc", None).await;
}

/// A port at which connections are made, and nothing is ever answered.
async fn hanging() -> Option<TcpListener> {
    Some(TcpListener::bind("127.0.0.1:0").await.unwrap())
}

/// Runs the process with this collector, or with one at a port that is never given to whoever asks for a free one.
async fn nobody_is_held_up(test: &str, protocol: &str, collector: Option<TcpListener>) {
    if env::var_os(IS_THE_PROCESS).is_some() {
        return the_process().await;
    }
    let port = collector.as_ref().map_or(1, |collector| collector.local_addr().unwrap().port());
    let settings = [
        (IS_THE_PROCESS, "yes"),
        ("LOG_FORMAT", "json"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
        // Spans are given up soon, records are not: what is still being sent must not keep the process from ending.
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "200"),
        ("OTEL_EXPORTER_OTLP_LOGS_TIMEOUT", "60000"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "16"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "16"),
    ];
    let mut process = Command::new(env::current_exe().unwrap());
    process.args([test, "--exact", "--nocapture"]).envs(settings).kill_on_drop(true).stdin(Stdio::null());
    process.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://127.0.0.1:{port}"));
    // As in an image without root certificates: this needs none.
    process.envs([("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")]);
    let output = timeout(Duration::from_secs(60), process.output()).await.expect("it ends").unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(stdout.matches(r#""message":"a request""#).count(), REQUESTS, "all of the log is on stdout");
    let said = stdout.lines().filter(|line| line.contains("takes no telemetry") && line.contains(r#""signal":"span""#));
    assert_eq!(said.count(), 1, "it is said once, and not each time");
    assert!(!stdout.contains("OTLP export"), "by nobody else");
}

/// What a service does: it answers requests, tells of them, and ends.
async fn the_process() {
    let telemetry = telemetry::init(&Cli::parse_from(["the-process"]).telemetry, "the-process", "1").unwrap();
    let requests = Operations::new("test", SpanKind::Server, "test.duration", CALL_SECONDS);
    for _ in 0..REQUESTS {
        let request = requests.begin("request", &Context::new(), Vec::new());
        tracing::info!("a request");
        request.succeed(None);
    }
    assert_eq!(metric("test_duration_seconds_count", &[]), Some(REQUESTS as f64));
    until_lost("otel_sdk_processor_span_processed_total", &[("error_type", "queue_full")]).await;
    until_lost("otel_sdk_processor_log_processed_total", &[("error_type", "queue_full")]).await;
    until_lost("otel_sdk_exporter_span_exported_total", &[]).await;
    let told = telemetry::prometheus_text().unwrap();
    let exported: Vec<_> = told.lines().filter(|line| line.starts_with("otel_sdk_exporter_span_exported")).collect();
    assert!(exported.iter().all(|line| line.contains("error_type=")), "none has got there: {exported:?}");
    let began = Instant::now();
    drop(telemetry);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

async fn until_lost(name: &str, labels: &[(&str, &str)]) {
    let wait = async {
        while metric(name, labels).is_none_or(|lost| lost == 0.0) {
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(30), wait).await.unwrap_or_else(|_| panic!("none is counted as lost: {name}"));
}
