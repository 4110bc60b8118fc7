//! The gateway: the public HTTP API in front of the services.

mod caller;
mod config;
mod error;
mod extract;
mod layers;
mod object;
mod problem;
mod proxy;
mod routes;

use anyhow::Context;
use axum::{Router, http::HeaderValue};
pub use config::{Cli, Config};
use identity::Verifier;
use lifecycle::{Health, Process, listen};
use proto::{
    orders::v1::{catalog_service_client::CatalogServiceClient, orders_service_client::OrdersServiceClient},
    users::v1::users_service_client::UsersServiceClient,
};
use proxy::Proxy;
use rpc::Channel;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The whole process, from its settings to its end.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let process = Process::start(listen("OPS_ADDR", cli.ops_addr).await?, cli.drain)?;
    let listener = listen("HTTP_ADDR", cli.config.http_addr).await?;
    let backends = Backends::connect(&cli.config);
    let router = router(backends, &cli.config.cors_allowed_origins, process.health.clone());
    process.run(async { Ok(router) }, |router, shutdown| serve(listener, router, shutdown)).await
}

/// What is behind the gateway.
#[derive(Clone)]
pub struct Backends {
    pub users: UsersServiceClient<Channel>,
    pub catalog: CatalogServiceClient<Channel>,
    pub orders: OrdersServiceClient<Channel>,
    pub verifier: Verifier,
    pub users_http: Proxy,
}

impl Backends {
    pub fn connect(config: &Config) -> Self {
        let orders = rpc::connect(&config.orders_url);
        Self {
            users: UsersServiceClient::new(rpc::connect(&config.users_url)),
            catalog: CatalogServiceClient::new(orders.clone()),
            orders: OrdersServiceClient::new(orders),
            verifier: Verifier::new(&config.identity),
            users_http: Proxy::new(&config.users_http_url),
        }
    }
}

/// The whole API.
pub fn router(backends: Backends, cors_allowed_origins: &[HeaderValue], health: Health) -> Router {
    let api = routes::router().merge(proxy::router()).with_state(backends);
    layers::around(api, cors_allowed_origins).merge(lifecycle::probes(health))
}

/// Serves until `shutdown`, then finishes what is in flight.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> anyhow::Result<()> {
    let server = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned());
    server.await.context("the HTTP server failed")
}
