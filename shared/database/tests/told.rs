//! Statements and the pool as they are told: a span for each statement, and how long somebody waits for a connection.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use database::{Config, Pool, connect};
use futures::TryStreamExt;
use opentelemetry::trace::{FutureExt, SpanKind};
use sqlx::{Error, migrate::Migrator, query, query_scalar};
use testkit::told::{self, Span, Trace, metric};
use tokio::{task::yield_now, time::timeout};

/// A database of the test's own, whose name tells its measurements from those of others.
struct Database {
    name: String,
    pool: Pool,
}

impl Database {
    async fn start(connections: u32) -> Self {
        told::listen();
        let config = testkit::private_database(&Migrator::with_migrations(Vec::new())).await;
        let name = config.database_url.get_database().unwrap().to_owned();
        let pool = connect(&Config { database_max_connections: connections, ..config }).await.unwrap();
        Self { name, pool }
    }

    /// Of its pool.
    fn metric(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let pool = [("db_client_connection_pool_name", self.name.as_str())];
        metric(&format!("db_client_connection_{name}"), &[&pool[..], labels].concat())
    }

    fn connections(&self, state: &str) -> Option<f64> {
        self.metric("count", &[("db_client_connection_state", state)])
    }
}

/// Waits for a state, though not for ever.
async fn until(what: &str, state: impl Fn() -> bool) {
    let wait = async {
        while !state() {
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("waited in vain for: {what}"));
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

#[tokio::test]
async fn every_statement_of_a_transaction_is_a_span_of_the_trace() {
    let (database, trace) = (Database::start(1).await, Trace::begin());
    let work = async {
        let mut tx = database.pool.begin(Some(Duration::from_secs(5))).await?;
        query("create table things (id bigint, secret text)").execute(&mut *tx).await?;
        query("insert into things values ($1, $2)").bind(7_i64).bind("swordfish").execute(&mut *tx).await?;
        query_scalar::<_, i64>("select id from things where secret = $1").bind("swordfish").fetch_one(&mut *tx).await?;
        query("select id from things").fetch_all(&mut *tx).await?;
        tx.commit().await
    };
    work.with_context(trace.context()).await.unwrap();

    let spans = trace.spans();
    assert_eq!(names(&spans), ["BEGIN", "CREATE", "INSERT things", "SELECT things", "SELECT things", "COMMIT"]);
    for span in &spans {
        assert_eq!((span.parent, &span.kind), (trace.root(), &SpanKind::Client));
        assert_eq!(span.attribute("db.system.name"), Some("postgresql"));
        assert_eq!(span.attribute("db.namespace"), Some(database.name.as_str()));
        assert_eq!(span.attribute("db.query.summary"), Some(span.name.as_str()));
        assert_eq!((span.attribute("error.type"), span.has_failed()), (None, false));
        assert!(span.attribute("server.address").is_some() && span.attribute("server.port").is_some());
    }
    assert_eq!(spans[2].attribute("db.query.text"), Some("insert into things values ($1, $2)"));
    assert_eq!(spans[3].attribute("db.query.text"), Some("select id from things where secret = $1"));
    assert!(!format!("{spans:?}").contains("swordfish"));
}

#[tokio::test]
async fn so_is_every_statement_of_a_connection_however_its_rows_are_fetched() {
    let (database, trace) = (Database::start(1).await, Trace::begin());
    let work = async {
        let mut connection = database.pool.acquire().await?;
        query("select from pg_class").fetch_optional(&mut connection).await?;
        query("select from pg_type").execute(&mut connection).await?;
        query("select from pg_index").fetch(&mut connection).try_collect::<Vec<_>>().await.map(drop)
    };
    work.with_context(trace.context()).await.unwrap();
    let spans = trace.spans();
    assert_eq!(names(&spans), ["SELECT pg_class", "SELECT pg_type", "SELECT pg_index"]);
    assert!(spans.iter().all(|span| span.parent == trace.root() && !span.has_failed()), "{spans:?}");
}

#[tokio::test]
async fn statements_are_counted_by_their_summary() {
    let database = Database::start(1).await;
    let mut connection = database.pool.acquire().await.unwrap();
    for id in 0..3_i32 {
        query("select from pg_class where $1 > 0").bind(id).execute(&mut connection).await.unwrap();
    }
    let of_ours = [("db_namespace", database.name.as_str()), ("db_system_name", "postgresql")];
    let count = |summary| {
        metric("db_client_operation_duration_seconds_count", &[&of_ours[..], &[("db_query_summary", summary)]].concat())
    };
    assert_eq!(count("SELECT pg_class"), Some(3.0));
    assert_eq!(count("SELECT pg_type"), None);
}

#[tokio::test]
async fn a_failed_statement_says_what_postgresql_says() {
    let (database, trace) = (Database::start(1).await, Trace::begin());
    let mut connection = database.pool.acquire().await.unwrap();
    let failures = async {
        query("select from nowhere").execute(&mut connection).await.unwrap_err();
        query("select 1 / $1").bind(0).fetch_optional(&mut connection).await.unwrap_err();
    };
    failures.with_context(trace.context()).await;
    let spans = trace.spans();
    assert_eq!(names(&spans), ["SELECT nowhere", "SELECT"]);
    // Undefined table, division by zero.
    for (span, code) in spans.iter().zip(["42P01", "22012"]) {
        assert_eq!((span.attribute("error.type"), span.has_failed()), (Some(code), true));
        let labels = [("db_namespace", database.name.as_str()), ("error_type", code)];
        assert_eq!(metric("db_client_operation_duration_seconds_count", &labels), Some(1.0));
    }
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_any_more_was_cancelled() {
    let (database, trace) = (Database::start(2).await, Trace::begin());
    let (pool, context) = (database.pool.clone(), trace.context());
    let work = tokio::spawn(async move {
        let mut connection = pool.acquire().await.unwrap();
        query("select pg_sleep(60)").execute(&mut connection).with_context(context).await
    });
    let mut operator = database.pool.acquire().await.unwrap();
    let others = "select count(*) from pg_stat_activity
                  where datname = current_database() and state = 'active' and query = 'select pg_sleep(60)'";
    while query_scalar::<_, i64>(others).fetch_one(&mut operator).await.unwrap() == 0 {
        yield_now().await;
    }
    assert!(trace.spans().is_empty(), "it is under way");
    work.abort();
    let span = trace.span(SpanKind::Client, "SELECT").await;
    assert_eq!((span.attribute("error.type"), span.has_failed()), (Some("cancelled"), true));
}

#[tokio::test]
async fn whoever_waits_for_a_connection_is_counted_in_vain_or_not() {
    let database = Database::start(1).await;
    let (waits, pending) =
        (|| database.metric("wait_time_seconds_count", &[]), || database.metric("pending_requests", &[]));
    assert_eq!(database.metric("timeouts_total", &[]), Some(0.0), "it is there before the first one");
    let held = database.pool.acquire().await.unwrap();
    assert_eq!((waits(), pending()), (Some(1.0), Some(0.0)));

    let pool = database.pool.clone();
    let waiting = tokio::spawn(async move { pool.acquire().await.map(drop) });
    until("somebody waits", || pending() == Some(1.0)).await;
    let outcome = waiting.await.unwrap();
    assert!(matches!(outcome, Err(Error::PoolTimedOut)), "{outcome:?}");
    assert_eq!((waits(), pending()), (Some(2.0), Some(0.0)));
    assert_eq!(database.metric("timeouts_total", &[]), Some(1.0));

    // Who is not patient enough is no time-out of ours, and waits no longer.
    let pool = database.pool.clone();
    let impatient = tokio::spawn(async move { pool.begin(None).await.map(drop) });
    until("somebody waits", || pending() == Some(1.0)).await;
    impatient.abort();
    impatient.await.unwrap_err();
    assert_eq!((waits(), pending()), (Some(3.0), Some(0.0)));
    assert_eq!(database.metric("timeouts_total", &[]), Some(1.0));
    drop(held);
}

#[tokio::test]
async fn connections_are_counted_until_the_pool_is_closed() {
    let database = Database::start(2).await;
    assert_eq!(database.metric("max", &[]), Some(2.0));
    let held = [database.pool.acquire().await.unwrap(), database.pool.acquire().await.unwrap()];
    assert_eq!((database.connections("idle"), database.connections("used")), (Some(0.0), Some(2.0)));
    drop(held);
    until("they are given back", || database.connections("idle") == Some(2.0)).await;
    assert_eq!(database.connections("used"), Some(0.0));
    database.pool.close().await;
    assert_eq!((database.metric("count", &[]), database.metric("max", &[])), (None, None));
}
