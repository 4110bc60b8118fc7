//! A statement as it is told: by the semantic conventions for PostgreSQL.

use std::{borrow::Cow, sync::Arc};

use opentelemetry::{Context, KeyValue, StringValue, trace::SpanKind};
use sqlx::{
    Error, Execute, Postgres, SqlStr,
    error::BoxDynError,
    postgres::{PgArguments, PgStatement},
};
use telemetry::{Operation, Operations, STATEMENT_SECONDS};

use self::summary::known_summary;

mod summary;

/// Those that run on one database.
pub(crate) struct Statements {
    operations: Operations,
    namespace: StringValue,
    host: StringValue,
    port: i64,
}

impl Statements {
    pub fn of(database: &str, host: &str, port: u16) -> Self {
        let operations =
            Operations::new("database", SpanKind::Client, "db.client.operation.duration", STATEMENT_SECONDS);
        // Shared, since each statement has a copy.
        let (namespace, host) = (Arc::<str>::from(database).into(), Arc::<str>::from(host).into());
        Self { operations, namespace, host, port: port.into() }
    }

    pub fn begin(&self, statement: &Statement) -> Running {
        let text = statement.sql.as_str();
        let operation = self.operation(known_summary(text));
        // Without its parameters, which are sent apart.
        operation.describe(|| [KeyValue::new("db.query.text", text.to_owned())]);
        Running(operation)
    }

    /// Does what is no statement with parameters.
    pub async fn watch<T>(
        &self,
        summary: &'static str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let running = Running(self.operation(summary.into()));
        let outcome = work.await;
        running.end(outcome.as_ref().err());
        outcome
    }

    fn operation(&self, summary: Cow<'static, str>) -> Operation {
        let attributes = vec![
            KeyValue::new("db.system.name", "postgresql"),
            KeyValue::new("db.namespace", self.namespace.clone()),
            KeyValue::new("db.query.summary", summary.clone()),
        ];
        let operation = Context::map_current(|parent| self.operations.begin(summary, parent, attributes));
        operation
            .describe(|| [KeyValue::new("server.address", self.host.clone()), KeyValue::new("server.port", self.port)]);
        operation
    }
}

/// One that is under way.
pub(crate) struct Running(Operation);

impl Running {
    pub fn end(self, error: Option<&Error>) {
        match error {
            None => self.0.succeed(None),
            Some(error) => self.0.fail(None, kind(error)),
        }
    }
}

/// PostgreSQL's own code, where it has answered.
fn kind(error: &Error) -> StringValue {
    let name = match error {
        Error::Database(refusal) => return refusal.code().unwrap_or_default().into_owned().into(),
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => "connection",
        Error::PoolTimedOut | Error::PoolClosed => "pool",
        _ => "_OTHER",
    };
    name.into()
}

/// A query in its parts: its text can be had only by taking it apart.
pub(crate) struct Statement {
    sql: SqlStr,
    prepared: Option<PgStatement>,
    arguments: Result<Option<PgArguments>, BoxDynError>,
    persistent: bool,
}

impl Statement {
    pub fn of<'q>(mut query: impl Execute<'q, Postgres>) -> Self {
        let (prepared, persistent) = (query.statement().cloned(), query.persistent());
        let arguments = query.take_arguments();
        Self { sql: query.sql(), prepared, arguments, persistent }
    }
}

impl Execute<'_, Postgres> for Statement {
    fn sql(self) -> SqlStr {
        self.sql
    }

    fn statement(&self) -> Option<&PgStatement> {
        self.prepared.as_ref()
    }

    fn take_arguments(&mut self) -> Result<Option<PgArguments>, BoxDynError> {
        std::mem::replace(&mut self.arguments, Ok(None))
    }

    fn persistent(&self) -> bool {
        self.persistent
    }
}
