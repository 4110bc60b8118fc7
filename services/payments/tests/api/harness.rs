//! A bus with the service on it, somebody who tells of orders, somebody who hears of payments, and the provider's books.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use events::{Bus, Envelope, Message, PublishError};
use payments::{Config, Payments, ProviderConfig};
use proto::{money::v1::Money, orders::v1 as orders};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::{
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// More than a lease.
const PATIENCE: Duration = Duration::from_secs(60);

const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// Everything but the service, which comes and goes.
pub struct Shop {
    pub database: database::Config,
    pub bus: Bus,
    heard: Arc<Mutex<Vec<Envelope>>>,
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_on(testkit::private_database(&payments::MIGRATIONS).await)
    }

    pub fn open_on(database: database::Config) -> Self {
        Self::open_with(database, Bus::in_process(&["payments"]))
    }

    pub fn open_with(database: database::Config, bus: Bus) -> Self {
        let heard = Arc::<Mutex<Vec<Envelope>>>::default();
        let (mut listener, hears) = (bus.listen("payments.v1"), heard.clone());
        tokio::spawn(async move {
            loop {
                // Who has missed something waits in vain for it, and says so.
                let Some(event) = listener.next().await else { continue };
                let mut heard = hears.lock().unwrap();
                if !heard.iter().any(|known| known.id == event.id) {
                    heard.push(event);
                }
            }
        });
        Self { database, bus, heard }
    }

    /// An instance whose provider answers at once.
    pub async fn start(&self) -> Instance {
        self.start_with(ProviderConfig { provider_latency_ms: 0, ..ProviderConfig::default() }).await
    }

    pub async fn start_with(&self, provider: ProviderConfig) -> Instance {
        let config = Config { database: self.database.clone(), provider };
        let payments = Payments::build(&config, &self.bus).await.unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(payments::serve(payments, shutdown.clone()));
        Instance { shutdown, serving }
    }

    /// An order over so much, in cents; returns its id.
    pub async fn place(&self, amount: i64) -> Uuid {
        let id = Uuid::now_v7();
        self.tell(&placed(id, amount)).await;
        id
    }

    pub async fn cancel(&self, order: Uuid) {
        self.tell(&cancelled(order)).await;
    }

    /// Until it is handled, as the relay of orders would.
    pub async fn tell(&self, event: &Envelope) {
        until("handled", async || self.publish(event).await.then_some(())).await;
    }

    /// Whether the service takes it now. Panics if it never will.
    pub async fn publish(&self, event: &Envelope) -> bool {
        match self.bus.publish(vec![event.clone()]).await.remove(0) {
            Ok(()) => true,
            Err(PublishError::Away(_)) => false,
            Err(refused) => panic!("{refused}"),
        }
    }

    /// What was told of the order, in that order.
    pub fn told(&self, order: Uuid) -> Vec<Envelope> {
        self.heard.lock().unwrap().iter().filter(|event| event.subject == order).cloned().collect()
    }

    /// The same, by the last words of the types.
    pub fn words(&self, order: Uuid) -> Vec<String> {
        let word = |event: Envelope| event.kind.rsplit('.').next().unwrap().to_owned();
        self.told(order).into_iter().map(word).collect()
    }

    pub async fn until_told(&self, order: Uuid, words: &[&str]) {
        until(&format!("{words:?} told"), async || (self.words(order) == words).then_some(())).await;
    }

    pub async fn until_status(&self, order: Uuid, status: &str) {
        let query = format!("select 1::bigint from payments where order_id = '{order}' and status = '{status}'");
        self.until_count(&query, 1).await;
    }

    /// Of the first column of the first row.
    pub async fn until_count(&self, query: &str, count: i64) {
        let mut books = self.books().await;
        until(query, async || (books.count(query).await == Some(count)).then_some(())).await;
    }

    /// How a key of this order stands with the provider: `None` if it has never heard of the order.
    pub async fn standing(&self, order: Uuid) -> Option<String> {
        let query = format!(
            "select ledger.status from provider.ledger, payments where payments.id = key and order_id = '{order}'"
        );
        self.books().await.text(&query).await
    }

    /// What became of the provider's attempts by the key of this order.
    pub async fn attempts(&self, order: Uuid) -> String {
        let query = format!(
            "select coalesce(string_agg(kind || ' ' || outcome, ', ' order by attempts.id), '')
             from provider.attempts as attempts, payments where payments.id = key and order_id = '{order}'"
        );
        self.books().await.text(&query).await.unwrap()
    }

    /// The states that the payment of this order has had.
    pub async fn changes(&self, order: Uuid) -> String {
        let query = format!(
            "select string_agg(payment_changes.status, ', ' order by payment_changes.version)
             from payment_changes, payments where payments.id = payment_id and order_id = '{order}'"
        );
        self.books().await.text(&query).await.unwrap()
    }

    /// A way around the service.
    pub async fn books(&self) -> Books {
        Books(PgConnection::connect_with(&self.database.database_url).await.unwrap())
    }

    /// From now on the provider answers nobody, until what is returned is dropped or closed.
    pub async fn hold_provider(&self) -> Books {
        let mut books = self.books().await;
        books.run("begin; lock table provider.ledger in access exclusive mode").await;
        books
    }
}

/// A connection to the database of the service and of the provider.
pub struct Books(PgConnection);

impl Books {
    pub async fn run(&mut self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut self.0).await.unwrap();
    }

    pub async fn count(&mut self, query: &str) -> Option<i64> {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_optional(&mut self.0).await.unwrap()
    }

    pub async fn text(&mut self, query: &str) -> Option<String> {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_optional(&mut self.0).await.unwrap()
    }

    /// What was begun is undone, what was locked is free.
    pub async fn release(self) {
        self.0.close().await.unwrap();
    }
}

/// The service in one process.
pub struct Instance {
    shutdown: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Instance {
    /// As a signal to end would.
    pub fn leave(&self) {
        self.shutdown.cancel();
    }

    pub async fn left(self) {
        timeout(PATIENCE, self.serving).await.expect("it ends").unwrap().unwrap();
    }

    pub async fn stop(self) {
        self.leave();
        self.left().await;
    }

    /// In the middle of whatever it does.
    pub async fn kill(self) {
        self.serving.abort();
        assert!(self.serving.await.unwrap_err().is_cancelled());
    }
}

pub fn placed(order: Uuid, amount: i64) -> Envelope {
    let total = Some(Money { amount, currency: "EUR".to_owned() });
    let (order_id, user_id) = (order.to_string(), Uuid::now_v7().to_string());
    told_of(order, &orders::OrderPlaced { order_id, user_id, total, version: 1 })
}

pub fn cancelled(order: Uuid) -> Envelope {
    told_of(order, &orders::OrderCancelled { order_id: order.to_string(), version: 2 })
}

pub fn told_of<M: Message>(order: Uuid, event: &M) -> Envelope {
    Envelope::of("orders", order, event)
}

/// What an event says.
pub fn said<M: Message>(event: &Envelope) -> M {
    M::decode(event.data.clone()).unwrap()
}

/// Waits until there is something.
pub async fn until<T>(what: &str, mut find: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            match find().await {
                Some(found) => return found,
                // Others need the processor too.
                None => sleep(BETWEEN_LOOKS).await,
            }
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain for: {what}"))
}
