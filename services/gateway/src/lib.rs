//! The gateway: the public HTTP API in front of the services.

mod caller;
mod challenge;
mod config;
mod error;
mod extract;
mod layers;
mod object;
mod policy;
mod problem;
mod proxy;
mod routes;

use std::{future::ready, io, net::SocketAddr};

use anyhow::Context;
use axum::{Router, middleware::from_fn_with_state};
pub use config::{Cli, Config};
use discovery::{Registration, Registry};
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

/// Its name in the registry.
const SERVICE: &str = "gateway";

/// The whole process, from its settings to its end.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&cli.telemetry, SERVICE, env!("CARGO_PKG_VERSION"))?;
    let mut process = Process::start(listen("OPS_ADDR", cli.ops_addr).await?, cli.drain)?;
    let listener = listen("HTTP_ADDR", cli.config.http_addr).await?;
    let registry = Registry::new(&cli.discovery)?;
    let backends = Backends::connect(&cli.config, &registry)?;
    backends.report_to(&process.health, SERVICE);
    let live = registry.live(SERVICE);
    live.follow("log_filter", telemetry::set_log_filter);
    live.follow("sampling_ratio", telemetry::set_sampling_ratio);
    backends.client.follow(&live);
    let registration = registration(&listener, process.operations)?;
    registry.join(&mut process, registration);
    let router = router(backends, &cli.config, process.health.clone());
    process.run(async { Ok(router) }, |router, shutdown| serve(listener, router, shutdown)).await
}

/// How this instance is found by others; `operations` is where its operations port is.
pub fn registration(listener: &TcpListener, operations: SocketAddr) -> io::Result<Registration> {
    Ok(Registration::http(SERVICE, env!("CARGO_PKG_VERSION"), listener.local_addr()?, operations))
}

/// What is behind the gateway.
#[derive(Clone)]
pub struct Backends {
    client: rpc::Client,
    channels: [(&'static str, Channel); 2],
    pub users: UsersServiceClient<Channel>,
    pub catalog: CatalogServiceClient<Channel>,
    pub orders: OrdersServiceClient<Channel>,
    pub verifier: Verifier,
    pub users_http: Proxy,
}

impl Backends {
    /// In the background: nobody has to be there yet.
    ///
    /// Errors: a peer is a service's name, and there is no registry to ask.
    pub fn connect(config: &Config, registry: &Registry) -> anyhow::Result<Self> {
        let client = rpc::Client::new(&config.client, registry.clone(), proto::FILE_DESCRIPTOR_SET)?;
        let (users, orders) = (client.channel(&config.users_url)?, client.channel(&config.orders_url)?);
        Ok(Self {
            client,
            channels: [("users", users.clone()), ("orders", orders.clone())],
            users: UsersServiceClient::new(users),
            catalog: CatalogServiceClient::new(orders.clone()),
            orders: OrdersServiceClient::new(orders),
            verifier: Verifier::new(&config.identity, registry)?,
            users_http: Proxy::new(registry.watch_http(&config.users_http_url)?),
        })
    }

    /// Adds what this instance, called `name`, depends on to the process's report.
    pub fn report_to(&self, health: &Health, name: &str) {
        for (peer, channel) in self.channels.clone() {
            health.describe(&format!("{name} -> {peer}"), move || ready(Ok(channel.report())));
        }
    }
}

/// The whole API.
pub fn router(backends: Backends, config: &Config, health: Health) -> Router {
    let authorize = from_fn_with_state(backends.verifier.clone(), policy::authorize);
    let api = routes::router().merge(proxy::router()).route_layer(authorize).with_state(backends);
    layers::around(api, config, &health).merge(lifecycle::probes(health))
}

/// Serves until `shutdown`, then finishes what is in flight.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) -> anyhow::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(shutdown.cancelled_owned());
    server.await.context("the HTTP server failed")
}
