//! What the tests have in common: a NATS, a database, those who tell and those who hear.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::Receiver,
    },
    time::{Duration, Instant},
};

use async_nats::jetstream::{Context, consumer::PullConsumer, stream};
use database::{Pool, Transaction};
use events::{Bus, Config, Consumers, Event, Handle, HandlingError, Outbox};
use sqlx::{
    SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use testkit::{Nats, NatsSettings};
use tokio::{
    sync::Notify,
    task::{JoinHandle, block_in_place},
};
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// What an event of these tests says. Its name is one of those that production knows.
#[derive(Clone, PartialEq, prost::Message)]
pub struct OrderPlaced {
    #[prost(uint64, tag = "1")]
    pub number: u64,
}

impl prost::Name for OrderPlaced {
    const NAME: &'static str = "OrderPlaced";
    const PACKAGE: &'static str = "orders.v1";
}

/// Deliveries until an event is set aside.
pub const TRIES: u32 = 3;

const SCHEMA: &str = "create table effects (sequence bigserial, consumer text, subject uuid, number bigint)";

/// All that is real, for one test.
pub struct Stage {
    pub nats: Nats,
    pub pool: Pool,
}

impl Stage {
    /// `None`, which ends the test, where NATS is missing.
    pub async fn set() -> Option<Self> {
        Self::set_with(NatsSettings::default()).await
    }

    pub async fn set_with(settings: NatsSettings) -> Option<Self> {
        let nats = Nats::start_with(settings).await?;
        let schema = Migration::new(1, "effects".into(), MigrationType::Simple, SCHEMA.into_sql_str(), false);
        let database = testkit::private_database(&Migrator::with_migrations(vec![schema])).await;
        Some(Self { nats, pool: database::connect(&database).await.unwrap() })
    }

    /// The bus, as `service` sees it. Also when there is no NATS.
    pub async fn bus(&self, service: &'static str) -> Bus {
        Bus::connect(&self.config(), service).await.unwrap()
    }

    pub fn config(&self) -> Config {
        Config { nats_url: self.nats.url(), nats_user: None, nats_password: None, events_max_deliver: TRIES }
    }

    /// Who tells events: an instance of orders with a relay.
    pub async fn teller(&self) -> Teller {
        Teller::start(&self.pool, self.bus("orders").await)
    }

    /// Who hears them: an instance of `group`, with this handler.
    pub async fn hearer(&self, group: &'static str, handler: &Handler) -> Hearer {
        Hearer::start(group, &self.pool, &self.bus(group).await, handler)
    }

    /// What has taken effect in a group, in this order: subjects and numbers.
    pub async fn effects(&self, group: &str) -> Vec<(Uuid, u64)> {
        let mut connection = self.pool.acquire().await.unwrap();
        let rows: Vec<(Uuid, i64)> =
            sqlx::query_as("select subject, number from effects where consumer = $1 order by sequence")
                .bind(group)
                .fetch_all(&mut connection)
                .await
                .unwrap();
        rows.into_iter().map(|(subject, number)| (subject, number.try_into().unwrap())).collect()
    }

    /// The numbers that have taken effect, sorted: each that is there twice has taken effect twice.
    pub async fn numbers(&self, group: &str) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.effects(group).await.into_iter().map(|(_, number)| number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// How many events of the outbox are not published.
    pub async fn waiting(&self) -> i64 {
        self.count("select count(*) from events.outbox where published_at is null").await
    }

    pub async fn count(&self, statement: &'static str) -> i64 {
        let mut connection = self.pool.acquire().await.unwrap();
        sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap()
    }

    /// NATS as an operator sees it.
    pub async fn jetstream(&self) -> Context {
        async_nats::jetstream::new(async_nats::connect(self.nats.url()).await.unwrap())
    }

    /// A consumer as an operator has set it up, and whose limit of time is not half a minute.
    pub async fn quick_consumer(&self, group: &str, limit: Duration) -> PullConsumer {
        let stream = stream::Config {
            name: "events".to_owned(),
            subjects: vec!["events.>".to_owned()],
            ..stream::Config::default()
        };
        let stream = self.jetstream().await.create_stream(stream).await.unwrap();
        let config = async_nats::jetstream::consumer::pull::Config {
            durable_name: Some(format!("{group}_orders_v1_OrderPlaced")),
            filter_subject: "events.orders.v1.OrderPlaced".to_owned(),
            ack_wait: limit,
            ..Default::default()
        };
        stream.create_consumer(config).await.unwrap()
    }

    /// The subject and number of each event on the bus, in its order.
    pub async fn published(&self) -> Vec<(Uuid, u64)> {
        let stream = self.jetstream().await.get_stream("events").await.unwrap();
        let state = stream.get_info().await.unwrap().state;
        let mut published = Vec::new();
        for sequence in 1..=state.last_sequence {
            let message = stream.get_raw_message(sequence).await.unwrap();
            let subject = message.headers.get("ce-subject").unwrap().as_str().parse().unwrap();
            let event: OrderPlaced = prost::Message::decode(message.payload).unwrap();
            published.push((subject, event.number));
        }
        published
    }

    /// How many events were set aside.
    pub async fn dead_letters(&self) -> u64 {
        match self.jetstream().await.get_stream("dead_letters").await {
            Ok(stream) => stream.get_info().await.unwrap().state.messages,
            Err(_) => 0,
        }
    }
}

/// An instance of a service that tells events. Dropping it ends its relay gracefully.
pub struct Teller {
    outbox: Outbox,
    pool: Pool,
    relay: JoinHandle<()>,
    shutdown: DropGuard,
}

impl Teller {
    pub fn start(pool: &Pool, bus: Bus) -> Self {
        let (outbox, shutdown) = (Outbox::new("orders", pool), CancellationToken::new());
        let relay = tokio::spawn(outbox.clone().relay(bus, shutdown.clone()));
        Self { outbox, pool: pool.clone(), relay, shutdown: shutdown.drop_guard() }
    }

    /// Ends it gracefully; what is returned ends when it has.
    pub fn end(self) -> JoinHandle<()> {
        drop(self.shutdown);
        self.relay
    }

    /// Tells an event of a subject of its own.
    pub async fn tell(&self, number: u64) {
        self.tell_of(Uuid::now_v7(), number).await;
    }

    pub async fn tell_of(&self, subject: Uuid, number: u64) {
        let mut tx = self.pool.begin(None).await.unwrap();
        self.outbox.put(&mut tx, subject, &OrderPlaced { number }).await.unwrap();
        self.outbox.commit(tx).await.unwrap();
    }
}

/// An instance of a service that hears events. Dropping it ends it gracefully.
pub struct Hearer {
    task: JoinHandle<()>,
    shutdown: DropGuard,
}

impl Hearer {
    pub fn start(group: &'static str, pool: &Pool, bus: &Bus, handler: &Handler) -> Self {
        let shutdown = CancellationToken::new();
        let handler = Handler { group, ..handler.clone() };
        let consumers = Consumers::new(group, pool, bus, &Outbox::new(group, pool)).with::<OrderPlaced>(handler);
        let task = tokio::spawn(consumers.run(shutdown.clone()));
        Self { task, shutdown: shutdown.drop_guard() }
    }

    /// Ends it gracefully, and waits until it has ended.
    pub async fn stop(self) {
        drop(self.shutdown);
        self.task.await.unwrap();
    }
}

/// Notes each event as an effect, and does as it is told. Copies share what they are told.
#[derive(Clone, Default)]
pub struct Handler {
    group: &'static str,
    script: Arc<Script>,
}

#[derive(Default)]
pub struct Script {
    /// The number that cannot be handled.
    poison: AtomicUsize,
    is_away: AtomicBool,
    /// How often it was asked to handle something.
    tries: AtomicUsize,
    /// Where the first that is committed waits.
    pause: Mutex<Option<Pause>>,
}

/// Between commit and acknowledgement: `committed` is told, and somebody has to tell when it goes on.
struct Pause {
    committed: Arc<Notify>,
    goes_on: Receiver<()>,
}

impl Handler {
    pub fn poisoned_by(number: usize) -> Self {
        let script = Script { poison: number.into(), ..Script::default() };
        Self { script: Arc::new(script), ..Self::default() }
    }

    /// Who tells `committed` after the first commit, and then waits.
    pub fn that_waits_after_commit(committed: &Arc<Notify>, goes_on: Receiver<()>) -> Self {
        let pause = Pause { committed: committed.clone(), goes_on };
        let script = Script { pause: Mutex::new(Some(pause)), ..Script::default() };
        Self { script: Arc::new(script), ..Self::default() }
    }

    /// From now on there is no such number.
    pub fn heal(&self) {
        self.script.poison.store(0, Ordering::SeqCst);
    }

    /// What it needs is away, or is back.
    pub fn set_away(&self, is_away: bool) {
        self.script.is_away.store(is_away, Ordering::SeqCst);
    }

    pub fn tries(&self) -> usize {
        self.script.tries.load(Ordering::SeqCst)
    }
}

impl Handle<OrderPlaced> for Handler {
    async fn handle(&self, tx: &mut Transaction, event: &Event<OrderPlaced>) -> Result<(), HandlingError> {
        self.script.tries.fetch_add(1, Ordering::SeqCst);
        if self.script.is_away.load(Ordering::SeqCst) {
            return Err(HandlingError::Away("the till is closed".into()));
        }
        let number = event.data.number;
        sqlx::query("insert into effects (consumer, subject, number) values ($1, $2, $3)")
            .bind(self.group)
            .bind(event.subject)
            .bind(i64::try_from(number).unwrap())
            .execute(&mut **tx)
            .await?;
        if number != 0 && number == self.script.poison.load(Ordering::SeqCst) as u64 {
            return Err(HandlingError::Defect("nobody can handle this".into()));
        }
        Ok(())
    }

    fn handled(&self, _: &Event<OrderPlaced>) {
        let pause = self.script.pause.lock().unwrap().take();
        if let Some(Pause { committed, goes_on }) = pause {
            committed.notify_one();
            // The runtime goes on meanwhile.
            block_in_place(|| goes_on.recv().unwrap());
        }
    }
}

/// Waits until it is so.
pub async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so().await {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
