//! The orders service: the catalogue, and orders that take from its stock exactly what is there.

mod app;
mod clients;
mod config;
mod domain;
mod error;
mod grpc;
mod metrics;
mod policy;
mod store;
mod sweeper;

use std::{future::ready, io, net::SocketAddr};

use app::App;
use clients::Users;
pub use config::{Cli, Config};
use database::Pool;
use discovery::{Registration, Registry};
use grpc::Grpc;
use identity::{
    Mesh, Verifier,
    mesh::{Acceptor, Protocol},
};
use lifecycle::{Health, Process, listen};
use metrics::Metrics;
use proto::orders::v1::{catalog_service_server::CatalogServiceServer, orders_service_server::OrdersServiceServer};
use rpc::Channel;
use sqlx::migrate::Migrator;
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

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
        let orders = Orders::build(&cli.config, &registry).await?;
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
    grpc: Grpc,
    verifier: Verifier,
    calls: rpc::ServerConfig,
    client: rpc::Client,
    users: Channel,
    mesh: Mesh,
    acceptor: Acceptor,
}

impl Orders {
    /// Connects, migrates, waits for the proof of who this is.
    pub async fn build(config: &Config, registry: &Registry) -> anyhow::Result<Self> {
        let mesh = Mesh::open(&config.mesh, SERVICE, registry)?;
        let client = rpc::Client::new(&config.client, registry.clone(), mesh.clone(), proto::FILE_DESCRIPTOR_SET)?;
        let users = client.channel("users", &config.users_url)?;
        let verifier = Verifier::new(&config.identity, registry, &mesh)?;
        let pool = database::connect(&config.database).await?;
        database::migrate(&pool, &MIGRATIONS).await?;
        let app = App { store: Store::new(pool.clone()), users: Users::new(users.clone()), metrics: Metrics::new() };
        mesh.ready().await;
        let acceptor = mesh.acceptor(&config.allowed_callers, Protocol::Http2);
        let calls = config.calls.clone();
        Ok(Self { pool, grpc: Grpc { app }, verifier, calls, client, users, mesh, acceptor })
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
    }
}

/// Serves until `shutdown`, then finishes what is in flight.
pub async fn serve(listener: TcpListener, orders: Orders, shutdown: CancellationToken) -> anyhow::Result<()> {
    let sweeper = tokio::spawn(sweeper::run(orders.grpc.app.store.clone(), shutdown.clone()));
    rpc::Server::new(&orders.calls, proto::FILE_DESCRIPTOR_SET)
        .behind(orders.acceptor)
        .guarded(orders.verifier, policy::CALLS)
        .with(CatalogServiceServer::new(orders.grpc.clone()))
        .with(OrdersServiceServer::new(orders.grpc))
        .serve(listener, shutdown)
        .await?;
    sweeper.await?;
    orders.pool.close().await;
    Ok(())
}
