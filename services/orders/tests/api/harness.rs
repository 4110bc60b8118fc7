//! An orders service on free ports, its neighbours as a stub and as voices on the bus, and people who order.

#[path = "harness/stub_users.rs"]
mod stub_users;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI32, AtomicUsize, Ordering},
    },
};

use discovery::{Peer, Registry};
use events::{Bus, Envelope, Message};
use identity::MeshConfig;
use orders::Orders;
use proto::{
    orders::v1::{
        self as pb, catalog_service_client::CatalogServiceClient, orders_service_client::OrdersServiceClient,
    },
    payments::v1 as payments,
};
use rpc::{Channel, ClientConfig, ServerConfig};
use sqlx::{Connection, PgConnection};
use testkit::Tokens;
use tokio::task::{JoinHandle, yield_now};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status, Streaming};
use uuid::Uuid;

pub struct Service {
    pub catalog: CatalogServiceClient<Channel>,
    pub orders: OrdersServiceClient<Channel>,
    pub grpc: SocketAddr,
    /// What users answers when it is asked for an account.
    pub users_answer: Arc<AtomicI32>,
    users_asked: Arc<AtomicUsize>,
    pub tokens: Tokens,
    pub database: database::Config,
    /// What it hears, and what is heard of it.
    pub bus: Bus,
    /// It leaves when this is cancelled, …
    pub shutdown: CancellationToken,
    /// … and has left when this is done.
    pub serving: JoinHandle<anyhow::Result<()>>,
}

impl Service {
    pub async fn start() -> Self {
        Self::start_changed(|_| {}).await
    }

    pub async fn start_changed(change: impl FnOnce(&mut orders::Config)) -> Self {
        let database = testkit::private_database(&orders::MIGRATIONS).await;
        Self::start_beside(database, bus(), change).await
    }

    pub async fn start_on(database: database::Config) -> Self {
        Self::start_beside(database, bus(), |_| {}).await
    }

    /// One more on the same database and the same bus.
    pub async fn replica(&self, change: impl FnOnce(&mut orders::Config)) -> Self {
        Self::start_beside(self.database.clone(), self.bus.clone(), change).await
    }

    async fn start_beside(database: database::Config, bus: Bus, change: impl FnOnce(&mut orders::Config)) -> Self {
        let (users, users_answer, users_asked) = stub_users::start().await;
        Self { users_answer, users_asked, ..Self::start_with(database, users, bus, change).await }
    }

    async fn start_with(
        database: database::Config,
        users_url: Peer,
        bus: Bus,
        change: impl FnOnce(&mut orders::Config),
    ) -> Self {
        let tokens = Tokens::issuer().await;
        let (listener, grpc_addr) = testkit::listener().await;
        let mut config = orders::Config {
            grpc_addr,
            users_url,
            pending_timeout_s: 900,
            max_streams: 1000,
            calls: ServerConfig::default(),
            client: ClientConfig::default(),
            database: database.clone(),
            identity: tokens.config.clone(),
            mesh: MeshConfig::default(),
            allowed_callers: Vec::new(),
        };
        change(&mut config);
        let service = Orders::build(&config, &Registry::in_process(), &bus).await.unwrap();
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(orders::serve(listener, service, shutdown.clone()));
        let channel = testkit::channel(grpc_addr, proto::FILE_DESCRIPTOR_SET);
        Self {
            catalog: CatalogServiceClient::new(channel.clone()),
            orders: OrdersServiceClient::new(channel),
            grpc: grpc_addr,
            users_answer: Arc::default(),
            users_asked: Arc::default(),
            tokens,
            database,
            bus,
            shutdown,
            serving,
        }
    }

    /// How often users was asked for an account.
    pub fn users_asked(&self) -> usize {
        self.users_asked.load(Ordering::SeqCst)
    }

    /// Someone with an account.
    pub fn person(&self) -> Person {
        let id = Uuid::now_v7();
        Person { id, orders: self.orders.clone(), authorization: self.tokens.bearer(id) }
    }

    /// The same person, as a client of this replica.
    pub fn known(&self, person: &Person) -> Person {
        Person { id: person.id, orders: self.orders.clone(), authorization: self.tokens.bearer(person.id) }
    }

    /// Another service tells something. Once this returns it has taken effect.
    pub async fn hear<M: Message>(&self, from: &str, subject: &str, event: &M) {
        self.hear_again(Envelope::of(from, subject.parse().unwrap(), event)).await;
    }

    pub async fn hear_again(&self, event: Envelope) {
        // Nobody listens yet where the service has just been started.
        while self.bus.publish(vec![event.clone()]).await.iter().any(Result::is_err) {
            yield_now().await;
        }
    }

    pub async fn paid(&self, order: &pb::Order) {
        self.hear("payments", &order.id, &captured(order)).await;
    }

    pub async fn declined(&self, order: &pb::Order) {
        self.hear("payments", &order.id, &declined(order)).await;
    }

    /// What was told of the order, in this order.
    pub async fn told_of(&self, order: &pb::Order) -> Vec<String> {
        let statement = "select kind from events.outbox where subject = $1::uuid order by sequence";
        let kinds: Vec<String> = self.ask(statement, &order.id).await;
        kinds.into_iter().map(|kind| kind.strip_prefix("orders.v1.Order").unwrap().to_owned()).collect()
    }

    /// What is recorded of the order: `version status reason actor`.
    pub async fn recorded_of(&self, order: &pb::Order) -> Vec<String> {
        let statement = "select concat_ws(' ', version, status, reason, actor) from order_events
                         where order_id = $1::uuid order by version";
        self.ask(statement, &order.id).await
    }

    pub async fn ask(&self, statement: &'static str, id: &str) -> Vec<String> {
        let mut connection = self.connection().await;
        sqlx::query_scalar(statement).bind(id).fetch_all(&mut connection).await.unwrap()
    }

    pub async fn stock(&self, sku: &str) -> i64 {
        let request = pb::GetProductRequest { sku: sku.to_owned() };
        self.catalog.clone().get_product(request).await.unwrap().into_inner().product.unwrap().stock
    }

    pub async fn connection(&self) -> PgConnection {
        PgConnection::connect_with(&self.database.database_url).await.unwrap()
    }

    /// A way around the service, for what only an operator could do.
    pub async fn sql(&self, statement: &'static str) {
        let mut connection = self.connection().await;
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        let mut connection = self.connection().await;
        sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
    }
}

/// Nobody needs to be there for what the service tells, but the service itself.
pub fn bus() -> Bus {
    Bus::in_process(&["orders"])
}

pub fn captured(order: &pb::Order) -> payments::PaymentCaptured {
    let (payment_id, order_id) = (Uuid::now_v7().to_string(), order.id.clone());
    payments::PaymentCaptured { payment_id, order_id, amount: order.total.clone() }
}

pub fn declined(order: &pb::Order) -> payments::PaymentDeclined {
    payments::PaymentDeclined { payment_id: Uuid::now_v7().to_string(), order_id: order.id.clone() }
}

pub fn peer(address: SocketAddr) -> Peer {
    format!("http://{address}").parse().unwrap()
}

#[derive(Clone)]
pub struct Person {
    pub id: Uuid,
    pub orders: OrdersServiceClient<Channel>,
    pub authorization: String,
}

impl Person {
    pub async fn place(&self, items: &[(&str, i64)]) -> Result<pb::Order, Status> {
        self.place_with_key(items, "").await
    }

    pub async fn place_with_key(&self, items: &[(&str, i64)], key: &str) -> Result<pb::Order, Status> {
        let item = |(sku, quantity): &(&str, i64)| pb::place_order_request::Item {
            sku: (*sku).to_owned(),
            quantity: *quantity,
        };
        let message =
            pb::PlaceOrderRequest { items: items.iter().map(item).collect(), idempotency_key: key.to_owned() };
        let answer = self.orders.clone().place_order(self.request(message)).await?;
        Ok(answer.into_inner().order.unwrap())
    }

    pub async fn get(&self, id: &str) -> Result<pb::Order, Status> {
        let request = self.request(pb::GetOrderRequest { id: id.to_owned() });
        Ok(self.orders.clone().get_order(request).await?.into_inner().order.unwrap())
    }

    pub async fn cancel(&self, id: &str) -> Result<pb::Order, Status> {
        let request = self.request(pb::CancelOrderRequest { id: id.to_owned() });
        Ok(self.orders.clone().cancel_order(request).await?.into_inner().order.unwrap())
    }

    pub async fn watch(&self, id: &str, after_version: i64) -> Result<Streaming<pb::WatchOrderResponse>, Status> {
        let request = self.request(pb::WatchOrderRequest { id: id.to_owned(), after_version });
        Ok(self.orders.clone().watch_order(request).await?.into_inner())
    }

    pub async fn list(
        &self,
        user_id: &str,
        page_size: Option<i32>,
        page_token: &str,
    ) -> Result<pb::ListOrdersResponse, Status> {
        let message =
            pb::ListOrdersRequest { user_id: user_id.to_owned(), page_size, page_token: page_token.to_owned() };
        Ok(self.orders.clone().list_orders(self.request(message)).await?.into_inner())
    }

    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.parse().unwrap());
        request
    }
}

/// For many at once: nothing was begun where no connection was free within a second, as may happen on a busy machine.
pub async fn in_turn<T, F>(ask: impl Fn() -> F) -> Result<T, Status>
where
    F: Future<Output = Result<T, Status>>,
{
    loop {
        match ask().await {
            Err(busy) if busy.code() == Code::Unavailable => yield_now().await,
            answer => return answer,
        }
    }
}

/// The code and, where there is one, the reason.
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, Option<String>) {
    let status = answer.unwrap_err();
    (status.code(), rpc::status::reason(&status))
}

/// The fields that are complained of.
pub fn fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    rpc::status::violations(&status).into_iter().map(|(field, _)| field).collect()
}
