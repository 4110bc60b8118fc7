//! The orders service: the catalogue, and orders that take from its stock exactly what is there.

mod app;
mod clients;
mod commands;
mod config;
mod domain;
mod error;
mod grpc;
mod messages;
mod metrics;
mod policy;
mod store;
mod sweeper;
mod watchers;

use std::{future::ready, io, net::SocketAddr, time::Duration};

use app::App;
use clients::Users;
pub use commands::{Command, Task, run as run_task};
pub use config::{Cli, Config};
use database::Pool;
use discovery::{Registration, Registry};
use events::{Bus, Consumers, Outbox};
use grpc::Grpc;
use identity::{
    Mesh, Verifier,
    mesh::{Acceptor, Protocol},
};
use lifecycle::{Health, Process, listen};
use messages::Handler;
use metrics::Metrics;
use proto::{
    orders::v1::{catalog_service_server::CatalogServiceServer, orders_service_server::OrdersServiceServer},
    payments::v1::{PaymentCaptured, PaymentDeclined},
    users::v1::UserDeleted,
};
use rpc::Channel;
use sqlx::migrate::Migrator;
use store::Store;
use sweeper::Sweeper;
use tokio::{
    net::TcpListener,
    task::{JoinError, JoinHandle},
};
use tokio_util::sync::CancellationToken;
use watchers::Watchers;

/// The schema.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// Its name in the registry.
const SERVICE: &str = "orders";

/// The whole process, from its settings to its end.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&cli.telemetry, SERVICE, env!("CARGO_PKG_VERSION"))?;
    let mut process = Process::start(listen("OPS_ADDR", cli.ops_addr).await?, cli.drain)?;
    let listener = listen("GRPC_ADDR", cli.config.grpc_addr).await?;
    let registry = Registry::new(&cli.discovery)?;
    let live = registry.live(SERVICE);
    live.follow("log_filter", telemetry::set_log_filter);
    live.follow("sampling_ratio", telemetry::set_sampling_ratio);
    let registration = registration(&listener, process.operations)?;
    registry.join(&mut process, registration);
    let health = process.health.clone();
    let prepare = async {
        let bus = Bus::connect(&cli.events, SERVICE).await?;
        let orders = Orders::build(&cli.config, &registry, &bus).await?;
        orders.client.follow(&live);
        orders.report_to(&health, SERVICE);
        Ok(orders)
    };
    process.run(prepare, |orders, shutdown| serve(listener, orders, shutdown)).await
}

/// How this instance is found by others; `operations` is where its operations port is.
pub fn registration(listener: &TcpListener, operations: SocketAddr) -> io::Result<Registration> {
    Ok(Registration::grpc(SERVICE, env!("CARGO_PKG_VERSION"), listener.local_addr()?, operations))
}

/// The service, ready to serve.
pub struct Orders {
    pool: Pool,
    outbox: Outbox,
    bus: Bus,
    grpc: Grpc,
    verifier: Verifier,
    calls: rpc::ServerConfig,
    client: rpc::Client,
    users: Channel,
    mesh: Mesh,
    acceptor: Acceptor,
    pending_timeout: Duration,
}

impl Orders {
    /// Connects, migrates, waits for the proof of who this is.
    pub async fn build(config: &Config, registry: &Registry, bus: &Bus) -> anyhow::Result<Self> {
        let mesh = Mesh::open(&config.mesh, SERVICE, registry)?;
        let client = rpc::Client::new(&config.client, registry.clone(), mesh.clone(), proto::FILE_DESCRIPTOR_SET)?;
        let users = client.channel("users", &config.users_url)?;
        let verifier = Verifier::new(&config.identity, registry, &mesh)?;
        let pool = database::connect(&config.database).await?;
        database::migrate(&pool, &MIGRATIONS).await?;
        events::migrate(&pool).await?;
        let (outbox, bus) = (Outbox::new(SERVICE, &pool), bus.clone());
        let store = Store::new(pool.clone(), outbox.clone());
        let watchers = Watchers::new(config.max_streams);
        let app = App { store, users: Users::new(users.clone()), metrics: Metrics::new(), watchers };
        mesh.ready().await;
        let acceptor = mesh.acceptor(&config.allowed_callers, Protocol::Http2);
        let (calls, pending_timeout) = (config.calls.clone(), config.pending_timeout());
        let grpc = Grpc { app };
        Ok(Self { pool, outbox, bus, grpc, verifier, calls, client, users, mesh, acceptor, pending_timeout })
    }

    /// Adds what this instance, called `name`, depends on to the process's report.
    pub fn report_to(&self, health: &Health, name: &str) {
        let (pool, users) = (self.pool.clone(), self.users.clone());
        health.check(&format!("{name} database"), move || {
            let pool = pool.clone();
            async move { pool.ping().await }
        });
        let mesh = self.mesh.clone();
        health.describe(&format!("{name} certificate"), move || ready(mesh.report()));
        health.describe(&format!("{name} -> users"), move || ready(Ok(users.report())));
        let bus = self.bus.clone();
        health.describe(&format!("{name} -> bus"), move || ready(bus.report()));
    }
}

/// Serves until `shutdown`, then finishes what is in flight.
pub async fn serve(listener: TcpListener, orders: Orders, shutdown: CancellationToken) -> anyhow::Result<()> {
    let work = Work::begin(&orders, &shutdown);
    rpc::Server::new(&orders.calls, proto::FILE_DESCRIPTOR_SET)
        .behind(orders.acceptor)
        .guarded(orders.verifier, policy::CALLS)
        .with(CatalogServiceServer::new(orders.grpc.clone()))
        .with(OrdersServiceServer::new(orders.grpc))
        .serve(listener, shutdown)
        .await?;
    work.finish().await?;
    orders.pool.close().await;
    Ok(())
}

/// What is done beside answering calls.
struct Work {
    /// Until the calls end.
    beside: [JoinHandle<()>; 3],
    /// As long as anything happens, …
    consumers: JoinHandle<()>,
    no_more_calls: CancellationToken,
    /// … and until the world was told of it.
    relay: JoinHandle<()>,
    no_more_events: CancellationToken,
}

impl Work {
    fn begin(orders: &Orders, shutdown: &CancellationToken) -> Self {
        let App { store, users, metrics, watchers } = orders.grpc.app.clone();
        let (no_more_calls, no_more_events) = (CancellationToken::new(), CancellationToken::new());
        let handler = Handler { store: store.clone(), metrics: metrics.clone() };
        let consumers = Consumers::new(SERVICE, &orders.pool, &orders.bus, &orders.outbox)
            .with::<PaymentCaptured>(handler.clone())
            .with::<PaymentDeclined>(handler.clone())
            .with::<UserDeleted>(handler);
        let sweeper = Sweeper { store: store.clone(), metrics, timeout: orders.pending_timeout };
        let watching = watchers.run(store, orders.bus.listen("orders.v1"), shutdown.clone());
        let listening = users.listen(orders.bus.listen("users.v1"), shutdown.clone());
        Self {
            beside: [tokio::spawn(sweeper.run(shutdown.clone())), tokio::spawn(watching), tokio::spawn(listening)],
            consumers: tokio::spawn(consumers.run(no_more_calls.clone())),
            no_more_calls,
            relay: tokio::spawn(orders.outbox.clone().relay(orders.bus.clone(), no_more_events.clone())),
            no_more_events,
        }
    }

    async fn finish(self) -> Result<(), JoinError> {
        for work in self.beside {
            work.await?;
        }
        self.no_more_calls.cancel();
        self.consumers.await?;
        self.no_more_events.cancel();
        self.relay.await
    }
}
