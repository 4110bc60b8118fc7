//! A connection on which statements are seen: each is a span of the trace, and counts.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use futures::{
    future::BoxFuture,
    stream::{BoxStream, Stream, StreamExt},
};
use sqlx::{
    AssertSqlSafe, Describe, Either, Error, Execute, Executor, Postgres, SqlStr,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};

use crate::{
    pool::{Lent, Use},
    statement::{Running, Statement, Statements},
};

/// A connection of the pool, which goes back there when it is dropped.
pub struct Connection {
    lent: Lent,
    statements: Arc<Statements>,
}

impl Connection {
    pub(crate) fn new(lent: Lent, statements: Arc<Statements>) -> Self {
        Self { lent, statements }
    }

    /// Does what is no statement with parameters.
    async fn command(&mut self, summary: &'static str, command: String) -> Result<(), Error> {
        let (raw, under_way) = self.lent.begin();
        let outcome = self.statements.watch(summary, raw.execute(AssertSqlSafe(command))).await;
        under_way.end(outcome.as_ref().err());
        outcome.map(drop)
    }
}

/// A connection within a transaction, which is undone if this is dropped.
pub struct Transaction(Connection);

impl Transaction {
    pub(crate) async fn begin(mut connection: Connection, command: String) -> Result<Self, Error> {
        connection.lent.within(true);
        connection.command("BEGIN", command).await?;
        Ok(Self(connection))
    }

    /// Makes everything true that was done in it.
    ///
    /// Errors: nobody knows whether it was made true.
    pub async fn commit(mut self) -> Result<(), Error> {
        let outcome = self.0.command("COMMIT", "commit".to_owned()).await;
        // Also if PostgreSQL refuses.
        self.0.lent.within(false);
        outcome
    }
}

impl Deref for Transaction {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.0
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl<'c> Executor<'c> for &'c mut Connection {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::of(query);
        let running = self.statements.begin(&statement);
        let (raw, under_way) = self.lent.begin();
        Rows { rows: raw.fetch_many(statement), running: Some((running, under_way)) }.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::of(query);
        let running = self.statements.begin(&statement);
        let (raw, under_way) = self.lent.begin();
        Box::pin(async move {
            let row = raw.fetch_optional(statement).await;
            running.end(row.as_ref().err());
            under_way.end(row.as_ref().err());
            row
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        let (raw, under_way) = self.lent.begin();
        Box::pin(async move {
            let prepared = raw.prepare_with(sql, parameters).await;
            under_way.end(prepared.as_ref().err());
            prepared
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        let (raw, under_way) = self.lent.begin();
        Box::pin(async move {
            let described = raw.describe(sql).await;
            under_way.end(described.as_ref().err());
            described
        })
    }
}

/// What a statement gives, until it has given everything.
struct Rows<'e> {
    rows: BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>,
    running: Option<(Running, Use<'e>)>,
}

impl Stream for Rows<'_> {
    type Item = Result<Either<PgQueryResult, PgRow>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.rows.poll_next_unpin(cx));
        if !matches!(item, Some(Ok(_)))
            && let Some((running, under_way)) = self.running.take()
        {
            let error = item.as_ref().and_then(|item| item.as_ref().err());
            running.end(error);
            under_way.end(error);
        }
        Poll::Ready(item)
    }
}
