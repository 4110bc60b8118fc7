//! The orders service: the catalogue, and orders that take from its stock exactly what is there.

mod app;
mod clients;
mod config;
mod domain;
mod error;
mod grpc;
mod store;
mod sweeper;

use app::App;
use clients::Users;
pub use config::{Cli, Config};
use grpc::Grpc;
use identity::Verifier;
use lifecycle::{Process, listen};
use proto::orders::v1::{catalog_service_server::CatalogServiceServer, orders_service_server::OrdersServiceServer};
use sqlx::{PgPool, migrate::Migrator};
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The schema.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The whole process, from its settings to its end.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let process = Process::start(listen("OPS_ADDR", cli.ops_addr).await?, cli.drain)?;
    let listener = listen("GRPC_ADDR", cli.config.grpc_addr).await?;
    let health = process.health.clone();
    let prepare = async {
        let orders = Orders::build(&cli.config).await?;
        orders.report_to(&health);
        Ok(orders)
    };
    process.run(prepare, |orders, shutdown| serve(listener, orders, shutdown)).await
}

/// The service, ready to serve.
pub struct Orders {
    pool: PgPool,
    grpc: Grpc,
}

impl Orders {
    /// Connects and migrates.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let pool = database::connect(&config.database).await?;
        database::migrate(&pool, &MIGRATIONS).await?;
        let app = App { store: Store::new(pool.clone()), users: Users::connect(&config.users_url) };
        let verifier = Verifier::new(&config.identity);
        Ok(Self { pool, grpc: Grpc { app, verifier } })
    }

    /// Adds what this service depends on to the process's report.
    pub fn report_to(&self, health: &lifecycle::Health) {
        let pool = self.pool.clone();
        health.check("orders database", move || database::ping(pool.clone()));
    }
}

/// Serves until `shutdown`, then finishes what is in flight.
pub async fn serve(listener: TcpListener, orders: Orders, shutdown: CancellationToken) -> anyhow::Result<()> {
    let sweeper = tokio::spawn(sweeper::run(orders.grpc.app.store.clone(), shutdown.clone()));
    rpc::Server::new(proto::FILE_DESCRIPTOR_SET)
        .with(CatalogServiceServer::new(orders.grpc.clone()))
        .with(OrdersServiceServer::new(orders.grpc))
        .serve(listener, shutdown)
        .await?;
    sweeper.await?;
    orders.pool.close().await;
    Ok(())
}
