//! A service with a database of its own, what it tells, and what it does about what others tell.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use database::{Pool, Transaction};
use events::{Bus, Consumers, Event, Handle, HandlingError, Outbox};
use prost::Name;
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
    query, query_as, query_scalar,
};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// What the services of these tests do: they note what they hear.
static MIGRATIONS: LazyLock<Migrator> = LazyLock::new(|| {
    let statement = "create table notes (sequence bigint generated always as identity, subject uuid, text text)";
    let notes = Migration::new(1, "notes".into(), MigrationType::Simple, statement.into_sql_str(), false);
    Migrator::with_migrations(vec![notes])
});

#[derive(Clone, PartialEq, prost::Message)]
pub struct Said {
    #[prost(string, tag = "1")]
    pub text: String,
}

impl Name for Said {
    const NAME: &'static str = "Said";
    const PACKAGE: &'static str = "tales.v1";
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Shouted {
    #[prost(string, tag = "1")]
    pub text: String,
}

impl Name for Shouted {
    const NAME: &'static str = "Shouted";
    const PACKAGE: &'static str = "noises.v1";
}

pub fn said(text: impl ToString) -> Said {
    Said { text: text.to_string() }
}

/// A service, alone in its database.
#[derive(Clone)]
pub struct Service {
    pub name: &'static str,
    pub pool: Pool,
    pub outbox: Outbox,
    pub database: database::Config,
}

/// Something that runs until this is dropped, as if it was killed, or until it is told to stop.
pub struct Running {
    task: JoinHandle<()>,
    shutdown: CancellationToken,
    _stop: DropGuard,
}

impl Running {
    fn start<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(CancellationToken) -> F) -> Self {
        let shutdown = CancellationToken::new();
        Self { task: tokio::spawn(work(shutdown.clone())), _stop: shutdown.clone().drop_guard(), shutdown }
    }

    pub async fn stop(mut self) {
        self.shutdown.cancel();
        (&mut self.task).await.unwrap();
    }

    pub async fn kill(mut self) {
        self.task.abort();
        assert!((&mut self.task).await.unwrap_err().is_cancelled());
    }
}

impl Service {
    pub async fn new(name: &'static str) -> Self {
        let database = testkit::private_database(&MIGRATIONS).await;
        Self::on(name, database).await
    }

    /// With a pool of so many connections.
    pub async fn with_connections(name: &'static str, database_max_connections: u32) -> Self {
        let database = testkit::private_database(&MIGRATIONS).await;
        Self::on(name, database::Config { database_max_connections, ..database }).await
    }

    /// Another instance of the same.
    pub async fn twin(&self) -> Self {
        Self::on(self.name, self.database.clone()).await
    }

    async fn on(name: &'static str, database: database::Config) -> Self {
        let pool = database::connect(&database).await.unwrap();
        Self { name, outbox: Outbox::new(name, &pool), pool, database }
    }

    pub fn relay(&self, bus: &Bus) -> Running {
        let (outbox, bus) = (self.outbox.clone(), bus.clone());
        Running::start(|shutdown| outbox.relay(bus, shutdown))
    }

    pub fn consumers(&self, bus: &Bus) -> Consumers {
        Consumers::new(self.name, &self.pool, bus, &self.outbox)
    }

    /// Notes what is said.
    pub fn notes(&self, bus: &Bus) -> Running {
        self.does(bus, |_| Ok(()))
    }

    /// Notes what is said, if this does not fail.
    pub fn does(
        &self,
        bus: &Bus,
        first: impl Fn(&Event<Said>) -> Result<(), HandlingError> + Send + Sync + 'static,
    ) -> Running {
        self.runs(self.consumers(bus).with(Noting(Arc::new(first))))
    }

    pub fn runs(&self, consumers: Consumers) -> Running {
        Running::start(|shutdown| consumers.run(shutdown))
    }

    pub async fn tell(&self, subject: Uuid, text: impl ToString) {
        let mut tx = self.pool.begin(None).await.unwrap();
        self.outbox.put(&mut tx, subject, &said(text)).await.unwrap();
        self.outbox.commit(tx).await.unwrap();
    }

    pub async fn noted(&self) -> Vec<String> {
        self.ask("select text from notes order by sequence").await
    }

    pub async fn noted_of(&self, subject: Uuid) -> Vec<String> {
        let mut connection = self.pool.acquire().await.unwrap();
        let notes = query_scalar("select text from notes where subject = $1 order by sequence").bind(subject);
        notes.fetch_all(&mut connection).await.unwrap()
    }

    /// One column, as text.
    pub async fn ask(&self, statement: &'static str) -> Vec<String> {
        let mut connection = self.pool.acquire().await.unwrap();
        let rows: Vec<(Option<String>,)> = query_as(statement).fetch_all(&mut connection).await.unwrap();
        rows.into_iter().map(|(text,)| text.unwrap_or_else(|| "null".to_owned())).collect()
    }

    /// Takes the time that it takes: some write a hundred thousand rows.
    pub async fn run(&self, statement: &'static str) {
        let mut tx = self.pool.begin(Some(Duration::from_secs(60))).await.unwrap();
        query(statement).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn waiting(&self) -> i64 {
        self.count("select count(*) from events.outbox where published_at is null").await
    }

    pub async fn count(&self, statement: &'static str) -> i64 {
        query_scalar(statement).fetch_one(&mut self.pool.acquire().await.unwrap()).await.unwrap()
    }

    pub async fn until_published(&self) {
        until("everything is published", async || self.waiting().await == 0).await;
    }

    pub async fn until_noted(&self, count: usize) {
        until("all is noted", async || self.noted().await.len() >= count).await;
    }
}

/// Waits for it.
pub async fn until(what: &str, mut state: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !state().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(60), wait).await.unwrap_or_else(|_| panic!("waited in vain for: {what}"));
}

/// Waits until every group of the bus runs.
pub async fn until_open(bus: &Bus) {
    until("every group runs", async || bus.report().is_ok()).await;
}

type First = dyn Fn(&Event<Said>) -> Result<(), HandlingError> + Send + Sync;

struct Noting(Arc<First>);

impl Handle<Said> for Noting {
    async fn handle(&self, transaction: &mut Transaction, event: &Event<Said>) -> Result<(), HandlingError> {
        note(transaction, event).await?;
        // Last, so that what was done has to be undone.
        (self.0)(event)
    }
}

async fn note(transaction: &mut Transaction, event: &Event<Said>) -> Result<(), HandlingError> {
    let note = query("insert into notes (subject, text) values ($1, $2)").bind(event.subject).bind(&event.data.text);
    note.execute(&mut **transaction).await?;
    Ok(())
}

pub fn away() -> HandlingError {
    HandlingError::Away("the neighbour is out".into())
}

pub fn defect() -> HandlingError {
    HandlingError::Defect("it makes no sense".into())
}
