//! What is logged after a statement arrives, on stdout and at the collector: layers with filters of their own would lose
//! it (tracing #2519).

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    env,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, routing::post};
use clap::Parser;
use opentelemetry::{
    Context,
    trace::{FutureExt, SpanKind, TraceContextExt},
};
use opentelemetry_proto::tonic::{
    collector::logs::v1::ExportLogsServiceRequest, common::v1::any_value::Value::StringValue, logs::v1::LogRecord,
};
use prost::Message;
use serde_json::Value;
use sqlx::{ConnectOptions, Connection, PgConnection, migrate::Migrator};
use telemetry::{Operations, STATEMENT_SECONDS};
use tokio::process::Command;

/// Says to the process, which is this very test once more, that it is the process.
const DATABASE: &str = "THE_PROCESS_ASKS";

const TEST: &str = "what_is_logged_after_a_statement_is_on_stdout_and_at_the_collector";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_after_a_statement_is_on_stdout_and_at_the_collector() {
    if let Ok(database) = env::var(DATABASE) {
        return the_process(&database).await;
    }
    let (collector, endpoint) = Collector::start().await;
    let database = testkit::private_database(&Migrator::with_migrations(Vec::new())).await;
    let mut process = Command::new(env::current_exe().unwrap());
    process.args([TEST, "--exact", "--nocapture"]).env(DATABASE, database.database_url.to_url_lossy().as_str());
    process.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("LOG_FORMAT", "json");
    // Somebody wants to know more than statements tell: otherwise sqlx does not ask whether anybody wants to know of one.
    let process = process.env("LOG_FILTER", "info,elsewhere=debug");
    let output = process.output().await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));

    let (outside, outside_record) = (line(&stdout, "outside of a trace"), collector.record("outside of a trace"));
    assert_eq!((outside.get("trace_id"), outside.get("span_id")), (None, None));
    assert!(outside_record.trace_id.is_empty() && outside_record.span_id.is_empty(), "{outside_record:?}");

    let (within, within_record) = (line(&stdout, "within a trace"), collector.record("within a trace"));
    assert_eq!((&within["level"], &within["attempt"]), (&"ERROR".into(), &7.into()));
    let told = line(&stdout, "where we are");
    assert_eq!((&within["trace_id"], &within["span_id"]), (&told["trace"], &told["span"]));
    assert_eq!(within["trace_id"], hex(&within_record.trace_id));
    assert_eq!(within["span_id"], hex(&within_record.span_id));
}

/// What a service does: it asks its database, and logs what went wrong.
async fn the_process(database: &str) {
    let config = Cli::parse_from(["the-process"]).telemetry;
    let _telemetry = telemetry::init(&config, "the-process", "1").unwrap();
    let mut connection = PgConnection::connect(database).await.unwrap();
    sqlx::query("select 1").execute(&mut connection).await.unwrap();
    tracing::error!("outside of a trace");

    let operations = Operations::new("test", SpanKind::Internal, "test.duration", STATEMENT_SECONDS);
    let operation = operations.begin("work", &Context::new(), Vec::new());
    let work = async {
        sqlx::query("select 1").execute(&mut connection).await.unwrap();
        tracing::error!(attempt = 7, "within a trace");
    };
    work.with_context(operation.context().clone()).await;
    let span = operation.context().span().span_context().clone();
    tracing::info!(trace = %span.trace_id(), span = %span.span_id(), "where we are");
    operation.succeed(None);
}

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    telemetry: telemetry::Config,
}

/// The one line that says this; libtest has its own lines, and may begin one that is not its own.
fn line(stdout: &str, message: &str) -> Value {
    let lines = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(&line[line.find('{')?..]).ok());
    let mut lines: Vec<_> = lines.filter(|line| line["message"] == message).collect();
    assert_eq!(lines.len(), 1, "{message}: {stdout}");
    lines.remove(0)
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Takes logs over OTLP/HTTP, and keeps them.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<LogRecord>>>);

impl Collector {
    async fn start() -> (Self, String) {
        let collector = Self::default();
        let (listener, address) = testkit::listener().await;
        let router = Router::new().route("/v1/logs", post(take)).fallback(|| async {}).with_state(collector.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        (collector, format!("http://{address}"))
    }

    /// The one that says this.
    fn record(&self, message: &str) -> LogRecord {
        let records = self.0.lock().unwrap();
        let said = |record: &&LogRecord| {
            record.body.as_ref().and_then(|body| body.value.as_ref()) == Some(&StringValue(message.to_owned()))
        };
        let found: Vec<_> = records.iter().filter(said).collect();
        assert_eq!(found.len(), 1, "{message}: {records:?}");
        found[0].clone()
    }
}

async fn take(State(collector): State<Collector>, body: Bytes) {
    let request = ExportLogsServiceRequest::decode(body).unwrap();
    let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    collector.0.lock().unwrap().extend(scopes.flat_map(|scope| scope.log_records));
}
