//! What is told last gets there, also from a process that works on one thread.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use axum::{Router, routing::post};
use clap::Parser;
use opentelemetry::{
    global,
    trace::{Span, Tracer},
};
use tokio::{net::TcpListener, runtime::Runtime};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: telemetry::Config,
}

/// Whoever waits for the last of it stands still meanwhile, and with it all that shares its thread.
#[tokio::test]
async fn the_last_span_of_a_process_with_one_thread_is_sent() {
    let (heard, endpoint) = collector().await;
    let settings = ["test", "--otel-exporter-otlp-protocol", "grpc", "--otel-exporter-otlp-endpoint", &endpoint];
    let telemetry = telemetry::init(&Cli::parse_from(settings).telemetry, "test", "1").unwrap();
    global::tracer("test").start("work").end();
    drop(telemetry);
    assert!(heard.load(Relaxed));
}

/// Takes spans over OTLP/gRPC, on threads of its own.
async fn collector() -> (Arc<AtomicBool>, String) {
    let (listener, address) = testkit::listener().await;
    let listener = listener.into_std().unwrap();
    let heard = Arc::<AtomicBool>::default();
    let hear = heard.clone();
    let export = post(async move || hear.store(true, Relaxed));
    let router = Router::new().route("/opentelemetry.proto.collector.trace.v1.TraceService/Export", export);
    let serve = async { axum::serve(TcpListener::from_std(listener).unwrap(), router).await };
    thread::spawn(move || Runtime::new().unwrap().block_on(serve));
    (heard, format!("http://{address}"))
}
