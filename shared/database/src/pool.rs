//! The pool of connections.

use std::{fmt, sync::Arc, time::Duration};

use opentelemetry::KeyValue;
use sqlx::{Connection as _, Error, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

use self::{connections::Connections, instruments::Waits};
use crate::{Connection, Transaction, statement::Statements};

mod connections;
mod instruments;
mod lent;
mod opening;

pub(crate) use self::{
    lent::{Lent, Use},
    opening::open,
};

/// Four such waits fit into the usual 5 s, so that the answer is that the database is away, and not that the time is over:
/// a call that is tried three times, and the wait of a caller that has its own need of the database afterwards.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// Connections that are opened when they are needed, and kept. Copies share them.
#[derive(Clone)]
pub struct Pool {
    connections: Arc<Connections>,
    statements: Arc<Statements>,
    waits: Arc<Waits>,
}

impl Pool {
    /// At most `max` of them, of which this is the first.
    pub(crate) fn new(first: PgConnection, options: PgConnectOptions, max: u32) -> Self {
        let name = options.get_database().unwrap_or_else(|| options.get_username()).to_owned();
        let labels = vec![KeyValue::new("db.client.connection.pool.name", Arc::<str>::from(name.as_str()))];
        let statements = Arc::new(Statements::of(&name, options.get_host(), options.get_port()));
        let connections = Arc::new(Connections::new(options, max));
        connections.begin_with(first);
        instruments::observe(&connections, &labels);
        Self { connections, statements, waits: Arc::new(Waits::of(labels)) }
    }

    /// A connection of one's own for a while, for statements that need no transaction.
    ///
    /// Errors: none is free, or can be opened, within a second; see [`Failure`](crate::Failure).
    pub async fn acquire(&self) -> Result<Connection, Error> {
        Ok(Connection::new(self.wait().await?, self.statements.clone()))
    }

    /// Begins a transaction whose statements end with the work's deadline: `remaining` is the time that is left for it.
    ///
    /// Errors: as any statement's; see [`Failure`](crate::Failure).
    pub async fn begin(&self, remaining: Option<Duration>) -> Result<Transaction, Error> {
        let connection = self.acquire().await?;
        let statement = match remaining {
            // Zero would mean no limit.
            Some(remaining) => format!("begin; set local statement_timeout = {}", remaining.as_millis().max(1)),
            None => "begin".to_owned(),
        };
        Transaction::begin(connection, statement).await
    }

    /// Whether the database answers now.
    ///
    /// Errors: it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        let mut lent = self.take().await?;
        let (raw, under_way) = lent.begin();
        let answer = raw.ping().await;
        under_way.end(answer.as_ref().err());
        answer
    }

    /// Ends all connections, once nobody uses them any more.
    pub async fn close(&self) {
        self.connections.close().await;
    }

    /// How many connections it opens at most, for whoever is to leave some of them to others.
    pub fn max(&self) -> usize {
        self.connections.max()
    }

    pub(crate) fn connect_options(&self) -> &PgConnectOptions {
        self.connections.options()
    }

    async fn wait(&self) -> Result<Lent, Error> {
        let _waiting = self.waits.begin();
        let lent = self.take().await;
        if matches!(lent, Err(Error::PoolTimedOut)) {
            self.waits.time_out();
        }
        lent
    }

    async fn take(&self) -> Result<Lent, Error> {
        timeout(ACQUIRE_TIMEOUT, self.connections.take()).await.unwrap_or(Err(Error::PoolTimedOut))
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
