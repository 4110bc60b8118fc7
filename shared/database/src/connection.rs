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
    Describe, Either, Error, Execute, Executor, PgConnection, Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};

use crate::statement::{Running, Statement, Statements};

/// A connection of the pool, which goes back there when it is dropped.
pub struct Connection {
    inner: Inner,
    statements: Arc<Statements>,
}

enum Inner {
    Free(PoolConnection<Postgres>),
    Within(sqlx::Transaction<'static, Postgres>),
}

impl Connection {
    pub(crate) fn free(connection: PoolConnection<Postgres>, statements: Arc<Statements>) -> Self {
        Self { inner: Inner::Free(connection), statements }
    }

    fn raw(&mut self) -> &mut PgConnection {
        match &mut self.inner {
            Inner::Free(connection) => connection,
            Inner::Within(transaction) => transaction,
        }
    }
}

/// A connection within a transaction, which is undone if this is dropped.
pub struct Transaction(Connection);

impl Transaction {
    pub(crate) fn new(transaction: sqlx::Transaction<'static, Postgres>, statements: Arc<Statements>) -> Self {
        Self(Connection { inner: Inner::Within(transaction), statements })
    }

    /// Makes everything true that was done in it.
    ///
    /// Errors: nobody knows whether it was made true.
    pub async fn commit(self) -> Result<(), Error> {
        let Connection { inner: Inner::Within(transaction), statements } = self.0 else {
            unreachable!("a transaction is made of one");
        };
        statements.watch("COMMIT", transaction.commit()).await
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
        let running = Some(self.statements.begin(&statement));
        Rows { rows: self.raw().fetch_many(statement), running }.boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        let statement = Statement::of(query);
        let running = self.statements.begin(&statement);
        Box::pin(async move {
            let row = self.raw().fetch_optional(statement).await;
            running.end(row.as_ref().err());
            row
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'c: 'e,
    {
        self.raw().prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Postgres>, Error>>
    where
        'c: 'e,
    {
        self.raw().describe(sql)
    }
}

/// What a statement gives, until it has given everything.
struct Rows<'e> {
    rows: BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>,
    running: Option<Running>,
}

impl Stream for Rows<'_> {
    type Item = Result<Either<PgQueryResult, PgRow>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.rows.poll_next_unpin(cx));
        if !matches!(item, Some(Ok(_)))
            && let Some(running) = self.running.take()
        {
            running.end(item.as_ref().and_then(|item| item.as_ref().err()));
        }
        Poll::Ready(item)
    }
}
