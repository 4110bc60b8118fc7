//! The users service: accounts, signing in, and the keys that tokens are verified with.

mod app;
mod audit;
mod commands;
mod config;
mod domain;
mod error;
mod grpc;
mod http;
mod keys;
mod messages;
mod oauth;
mod passwords;
mod policy;
mod refusal;
mod store;
mod upkeep;

use std::{future::ready, io, net::SocketAddr};

use anyhow::Context;
use app::{App, Limits};
pub use commands::{AddClient, Command, Task, run as run_task};
pub use config::{Cli, Config};
use database::Pool;
use discovery::{Registration, Registry};
use events::{Bus, Outbox};
use grpc::Grpc;
use identity::{
    Mesh, Verifier,
    mesh::{self, Acceptor, Protocol},
};
use keys::Keys;
use lifecycle::{Health, Process, listen};
use oauth::AuthorizationServer;
use passwords::Passwords;
use proto::users::v1::users_service_server::UsersServiceServer;
use sqlx::migrate::Migrator;
use store::Store;
use tokio::{net::TcpListener, try_join};
use tokio_util::sync::CancellationToken;

/// The schema.
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// Its name in the registry.
const SERVICE: &str = "users";

/// The whole process, from its settings to its end.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&cli.telemetry, SERVICE, env!("CARGO_PKG_VERSION"))?;
    let mut process = Process::start(listen("OPS_ADDR", cli.ops_addr).await?, cli.drain)?;
    let listeners = Listeners::open(&cli.config).await?;
    let registry = Registry::new(&cli.discovery)?;
    let live = registry.live(SERVICE);
    live.follow("log_filter", telemetry::set_log_filter);
    live.follow("sampling_ratio", telemetry::set_sampling_ratio);
    let registration = listeners.registration(process.operations)?;
    registry.join(&mut process, registration);
    let health = process.health.clone();
    let prepare = async {
        let bus = Bus::connect(&cli.events, SERVICE).await?;
        let users = Users::build(&cli.config, &registry, &bus).await?;
        users.report_to(&health, SERVICE);
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

    /// How this instance is found by others; `operations` is where its operations port is.
    pub fn registration(&self, operations: SocketAddr) -> io::Result<Registration> {
        let (grpc, http) = (self.grpc.local_addr()?, self.http.local_addr()?);
        Ok(Registration::grpc(SERVICE, env!("CARGO_PKG_VERSION"), grpc, operations).with_http(http))
    }
}

/// The service, ready to serve.
pub struct Users {
    pool: Pool,
    outbox: Outbox,
    bus: Bus,
    grpc: Grpc,
    verifier: Verifier,
    calls: rpc::ServerConfig,
    oauth: AuthorizationServer,
    mesh: Mesh,
    allowed_callers: Vec<mesh::ServiceName>,
}

impl Users {
    /// Connects, migrates, loads the signing keys, waits for the proof of who this is.
    pub async fn build(config: &Config, registry: &Registry, bus: &Bus) -> anyhow::Result<Self> {
        let mesh = Mesh::open(&config.mesh, SERVICE, registry)?;
        let pool = database::connect(&config.database).await?;
        database::migrate(&pool, &MIGRATIONS).await?;
        events::migrate(&pool).await?;
        let outbox = Outbox::new(SERVICE, &pool);
        let store = Store::new(pool.clone(), outbox.clone());
        let keys = Keys::open(store.clone(), &config.key_secret, config.issuer.clone(), config.key_rotation()).await?;
        let verifier = keys.verifier();
        let limits = Limits {
            per_account: config.sign_in_failures_per_account,
            per_address: config.sign_in_failures_per_address,
        };
        let app = App { store, passwords: Passwords::new(config.password_concurrency)?, keys, limits };
        let oauth = AuthorizationServer::new(app.clone(), &config.issuer)?;
        let verifier = verifier.believing(&config.outside_issuers)?;
        mesh.ready().await;
        let (calls, allowed_callers, bus) = (config.calls.clone(), config.allowed_callers.clone(), bus.clone());
        Ok(Self { pool, outbox, bus, grpc: Grpc { app }, verifier, calls, oauth, mesh, allowed_callers })
    }

    /// Adds what this instance, called `name`, depends on to the process's report.
    pub fn report_to(&self, health: &Health, name: &str) {
        let pool = self.pool.clone();
        health.check(&format!("{name} database"), move || {
            let pool = pool.clone();
            async move { pool.ping().await }
        });
        let mesh = self.mesh.clone();
        health.describe(&format!("{name} certificate"), move || ready(mesh.report()));
        let bus = self.bus.clone();
        health.describe(&format!("{name} -> bus"), move || ready(bus.report()));
    }

    fn acceptor(&self, protocol: Protocol) -> Acceptor {
        self.mesh.acceptor(&self.allowed_callers, protocol)
    }
}

/// Serves both ports until `shutdown`, then finishes what is in flight.
pub async fn serve(listeners: Listeners, users: Users, shutdown: CancellationToken) -> anyhow::Result<()> {
    let App { keys, store, .. } = users.grpc.app.clone();
    let published = CancellationToken::new();
    let relay = tokio::spawn(users.outbox.clone().relay(users.bus.clone(), published.clone()));
    let upkeep = tokio::spawn(upkeep::run(keys, store, shutdown.clone()));
    let (for_calls, for_requests) = (users.acceptor(Protocol::Http2), users.acceptor(Protocol::Http1));
    let grpc = rpc::Server::new(&users.calls, proto::FILE_DESCRIPTOR_SET)
        .behind(for_calls)
        .guarded(users.verifier, policy::CALLS)
        .with(UsersServiceServer::new(users.grpc))
        .serve(listeners.grpc, shutdown.clone());
    let port = mesh::Listener::new(listeners.http, for_requests);
    let http = axum::serve(port, http::router(users.oauth)).with_graceful_shutdown(shutdown.cancelled_owned());
    try_join!(grpc, async { http.await.context("the HTTP server failed") }, async {
        upkeep.await.context("the upkeep failed")
    })?;
    // Not before the last call has written its last event.
    published.cancel();
    relay.await.context("the relay failed")?;
    users.pool.close().await;
    Ok(())
}
