//! The users service: accounts, signing in, and the keys that tokens are verified with.

mod app;
mod config;
mod domain;
mod error;
mod grpc;
mod http;
mod keys;
mod passwords;
mod store;

use std::sync::Arc;

use anyhow::Context;
use app::App;
pub use config::{Cli, Config};
use grpc::Grpc;
use identity::{JwkSet, Verifier};
use lifecycle::{Process, listen};
use passwords::Passwords;
use proto::users::v1::users_service_server::UsersServiceServer;
use sqlx::{PgPool, migrate::Migrator};
use store::Store;
use tokio::{net::TcpListener, try_join};
use tokio_util::sync::CancellationToken;

/// The schema.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The whole process, from its settings to its end.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let process = Process::start(listen("OPS_ADDR", cli.ops_addr).await?, cli.drain)?;
    let listeners = Listeners::open(&cli.config).await?;
    let health = process.health.clone();
    let prepare = async {
        let users = Users::build(&cli.config).await?;
        users.report_to(&health);
        Ok(users)
    };
    process.run(prepare, |users, shutdown| serve(listeners, users, shutdown)).await
}

/// The open ports of the service.
pub struct Listeners {
    pub grpc: TcpListener,
    pub http: TcpListener,
}

impl Listeners {
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        Ok(Self {
            grpc: listen("GRPC_ADDR", config.grpc_addr).await?,
            http: listen("HTTP_ADDR", config.http_addr).await?,
        })
    }
}

/// The service, ready to serve.
pub struct Users {
    pool: PgPool,
    grpc: Grpc,
    keys: JwkSet,
}

impl Users {
    /// Connects, migrates, loads the signing key.
    pub async fn build(config: &Config) -> anyhow::Result<Self> {
        let pool = database::connect(&config.database).await?;
        database::migrate(&pool, &MIGRATIONS).await?;
        let store = Store::new(pool.clone());
        let signer = keys::load(&store, &config.key_secret).await?;
        let keys = JwkSet { keys: vec![signer.public_key()] };
        let app = App {
            store,
            passwords: Passwords::new(config.password_concurrency)?,
            signer: Arc::new(signer),
            issuer: config.issuer.clone(),
        };
        let verifier = Verifier::of_issuer(&config.issuer, &keys);
        Ok(Self { pool, grpc: Grpc { app, verifier }, keys })
    }

    /// Adds what this service depends on to the process's report.
    pub fn report_to(&self, health: &lifecycle::Health) {
        let pool = self.pool.clone();
        health.check("users database", move || database::ping(pool.clone()));
    }
}

/// Serves both ports until `shutdown`, then finishes what is in flight.
pub async fn serve(listeners: Listeners, users: Users, shutdown: CancellationToken) -> anyhow::Result<()> {
    let grpc = rpc::Server::new(proto::FILE_DESCRIPTOR_SET)
        .with(UsersServiceServer::new(users.grpc))
        .serve(listeners.grpc, shutdown.clone());
    let http = axum::serve(listeners.http, http::router(users.keys)).with_graceful_shutdown(shutdown.cancelled_owned());
    try_join!(grpc, async { http.await.context("the HTTP server failed") })?;
    users.pool.close().await;
    Ok(())
}
