//! The pool of connections, and how it is told of by the semantic conventions for database clients.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use opentelemetry::{
    KeyValue, global,
    metrics::{Counter, Histogram, UpDownCounter},
};
use sqlx::{AssertSqlSafe, Error, PgPool, Postgres, SqlSafeStr, pool::PoolConnection, postgres::PgConnectOptions};
use telemetry::STATEMENT_SECONDS;

use crate::{Connection, Transaction, statement::Statements};

/// Connections that are opened when they are needed, and kept. Copies share them.
#[derive(Clone)]
pub struct Pool {
    pool: PgPool,
    statements: Arc<Statements>,
    waits: Arc<Waits>,
}

impl Pool {
    pub(crate) fn new(pool: PgPool) -> Self {
        let options = pool.connect_options();
        let name = options.get_database().unwrap_or_else(|| options.get_username()).to_owned();
        let labels = vec![KeyValue::new("db.client.connection.pool.name", Arc::<str>::from(name.as_str()))];
        observe(&pool, &labels);
        let statements = Arc::new(Statements::of(&name, options.get_host(), options.get_port()));
        Self { pool, statements, waits: Arc::new(Waits::of(labels)) }
    }

    /// A connection of one's own for a while, for statements that need no transaction.
    ///
    /// Errors: none is free, or can be opened, within a second; see [`Failure`](crate::Failure).
    pub async fn acquire(&self) -> Result<Connection, Error> {
        Ok(Connection::free(self.wait().await?, self.statements.clone()))
    }

    /// Begins a transaction whose statements end with the work's deadline: `remaining` is the time that is left for it.
    ///
    /// Errors: as any statement's; see [`Failure`](crate::Failure).
    pub async fn begin(&self, remaining: Option<Duration>) -> Result<Transaction, Error> {
        let connection = self.wait().await?;
        let statement = match remaining {
            // Zero would mean no limit.
            Some(remaining) => format!("begin; set local statement_timeout = {}", remaining.as_millis().max(1)),
            None => "begin".to_owned(),
        };
        let statement = AssertSqlSafe(statement).into_sql_str();
        let begun = self.statements.watch("BEGIN", sqlx::Transaction::begin(connection, Some(statement))).await?;
        Ok(Transaction::new(begun, self.statements.clone()))
    }

    /// Whether the database answers now.
    ///
    /// Errors: it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        sqlx::query("select 1").execute(&self.pool).await.map(drop)
    }

    /// Ends all connections, once nobody uses them any more.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn connect_options(&self) -> PgConnectOptions {
        PgConnectOptions::clone(&self.pool.connect_options())
    }

    async fn wait(&self) -> Result<PoolConnection<Postgres>, Error> {
        let waiting = self.waits.begin();
        let connection = self.pool.acquire().await;
        if matches!(connection, Err(Error::PoolTimedOut)) {
            waiting.waits.timeouts.add(1, &waiting.waits.labels);
        }
        connection
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}

/// How many connections there are, for as long as the pool is open.
fn observe(pool: &PgPool, labels: &[KeyValue]) {
    let meter = global::meter("database");
    let (observed, labels) = (pool.clone(), labels.to_vec());
    let with_state =
        |state: &'static str| [labels.as_slice(), &[KeyValue::new("db.client.connection.state", state)]].concat();
    let (idle, used) = (with_state("idle"), with_state("used"));
    meter
        .i64_observable_up_down_counter("db.client.connection.count")
        .with_callback(move |count| {
            if !observed.is_closed() {
                let free = observed.num_idle().min(observed.size() as usize) as i64;
                count.observe(free, &idle);
                count.observe(i64::from(observed.size()) - free, &used);
            }
        })
        .build();
    let observed = pool.clone();
    meter
        .i64_observable_up_down_counter("db.client.connection.max")
        .with_callback(move |max| {
            if !observed.is_closed() {
                max.observe(i64::from(observed.options().get_max_connections()), &labels);
            }
        })
        .build();
}

/// Those who want a connection.
struct Waits {
    pending: UpDownCounter<i64>,
    duration: Histogram<f64>,
    timeouts: Counter<u64>,
    labels: Vec<KeyValue>,
}

impl Waits {
    fn of(labels: Vec<KeyValue>) -> Self {
        let meter = global::meter("database");
        let pending = meter.i64_up_down_counter("db.client.connection.pending_requests").build();
        let duration = meter.f64_histogram("db.client.connection.wait_time").with_unit("s");
        let duration = duration.with_boundaries(STATEMENT_SECONDS.to_vec()).build();
        let timeouts = meter.u64_counter("db.client.connection.timeouts").build();
        // So that it is there before the first one.
        timeouts.add(0, &labels);
        Self { pending, duration, timeouts, labels }
    }

    fn begin(self: &Arc<Self>) -> Waiting {
        self.pending.add(1, &self.labels);
        Waiting { waits: self.clone(), since: Instant::now() }
    }
}

/// Somebody who waits, in vain or not.
struct Waiting {
    waits: Arc<Waits>,
    since: Instant,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Waits { pending, duration, labels, .. } = &*self.waits;
        pending.add(-1, labels);
        duration.record(self.since.elapsed().as_secs_f64(), labels);
    }
}
