//! The gateway: the public HTTP API in front of the services.

mod arrival;
mod caller;
mod challenge;
mod client_address;
mod config;
mod error;
mod extract;
mod layers;
mod object;
mod policy;
mod problem;
mod proxy;
mod rate_limit;
mod routes;
mod seats;
mod security_headers;
mod serve;
mod streams;

use std::{future::ready, io, net::SocketAddr, sync::Arc};

use axum::{Router, middleware::from_fn_with_state};
use client_address::{TrustedProxies, tell_client};
pub use config::{Cli, Config};
use discovery::{Live, Registration, Registry};
use identity::{Mesh, Verifier, mesh::Protocol};
use lifecycle::{Health, Process, listen};
use policy::Gate;
use proto::{
    orders::v1::{catalog_service_client::CatalogServiceClient, orders_service_client::OrdersServiceClient},
    users::v1::users_service_client::UsersServiceClient,
};
use proxy::Proxy;
use rate_limit::RateLimits;
pub use rate_limit::{RateLimitConfig, Switch};
use rpc::{Channel, middleware::from_sync_fn};
pub use serve::{Edge, EdgeConfig, serve};
use streams::Streams;
use tokio::net::TcpListener;
use tower::ServiceBuilder;

/// Its name in the registry.
const SERVICE: &str = "gateway";

/// The whole process, from its settings to its end.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&cli.telemetry, SERVICE, env!("CARGO_PKG_VERSION"))?;
    let mut process = Process::start(listen("OPS_ADDR", cli.ops_addr).await?, cli.drain)?;
    let listener = listen("HTTP_ADDR", cli.config.http_addr).await?;
    let edge = Edge::open(&cli.config.edge)?;
    let registry = Registry::new(&cli.discovery)?;
    let backends = Backends::connect(&cli.config, &registry)?;
    backends.report_to(&process.health, SERVICE);
    let live = registry.live(SERVICE);
    live.follow("log_filter", telemetry::set_log_filter);
    live.follow("sampling_ratio", telemetry::set_sampling_ratio);
    backends.follow(&live);
    let registration = registration(&listener, process.operations)?;
    registry.join(&mut process, registration);
    let health = process.health.clone();
    let prepare = async {
        backends.ready().await;
        Ok(router(backends, &cli.config, health))
    };
    process.run(prepare, |router, shutdown| serve(listener, router, edge, shutdown)).await
}

/// How this instance is found by others; `operations` is where its operations port is.
pub fn registration(listener: &TcpListener, operations: SocketAddr) -> io::Result<Registration> {
    Ok(Registration::http(SERVICE, env!("CARGO_PKG_VERSION"), listener.local_addr()?, operations))
}

/// What is behind the gateway.
pub struct Backends {
    client: rpc::Client,
    mesh: Mesh,
    channels: [(&'static str, Channel); 2],
    pub users: UsersServiceClient<Channel>,
    pub catalog: CatalogServiceClient<Channel>,
    pub orders: OrdersServiceClient<Channel>,
    pub verifier: Verifier,
    pub users_http: Proxy,
    pub rate_limits: RateLimits,
    pub streams: Streams,
}

impl Backends {
    /// In the background: nobody has to be there yet.
    ///
    /// Errors: a peer is a service's name, and there is no registry to ask; the files that prove who this is are no good.
    pub fn connect(config: &Config, registry: &Registry) -> anyhow::Result<Self> {
        let mesh = Mesh::open(&config.mesh, SERVICE, registry)?;
        let client = rpc::Client::new(&config.client, registry.clone(), mesh.clone(), proto::FILE_DESCRIPTOR_SET)?;
        let users = client.channel("users", &config.users_url)?;
        let orders = client.channel("orders", &config.orders_url)?;
        Ok(Self {
            client,
            channels: [("users", users.clone()), ("orders", orders.clone())],
            users: UsersServiceClient::new(users),
            catalog: CatalogServiceClient::new(orders.clone()),
            orders: OrdersServiceClient::new(orders),
            verifier: Verifier::new(&config.identity, registry, &mesh)?,
            users_http: Proxy::new(
                registry.watch_http(&config.users_http_url)?,
                mesh.connector("users", Protocol::Http1),
            ),
            rate_limits: RateLimits::new(config.rate_limit),
            streams: Streams::new(config.max_streams),
            mesh,
        })
    }

    /// Waits for the proof of who this is.
    pub async fn ready(&self) {
        self.mesh.ready().await;
    }

    /// Takes settings from here that change while it runs.
    pub fn follow(&self, live: &Live) {
        self.client.follow(live);
        self.rate_limits.follow(live);
    }

    /// Adds what this instance, called `name`, depends on to the process's report.
    pub fn report_to(&self, health: &Health, name: &str) {
        for (peer, channel) in self.channels.clone() {
            health.describe(&format!("{name} -> {peer}"), move || ready(Ok(channel.report())));
        }
        let mesh = self.mesh.clone();
        health.describe(&format!("{name} certificate"), move || ready(mesh.report()));
    }
}

/// The whole API.
pub fn router(backends: Backends, config: &Config, health: Health) -> Router {
    let gate = Gate { verifier: backends.verifier.clone(), rate_limits: backends.rate_limits.clone() };
    let rate_limits = backends.rate_limits.clone();
    let authorize = from_fn_with_state(gate, policy::authorize);
    let api = routes::router().merge(proxy::router()).route_layer(authorize).with_state(Arc::new(backends));
    let whole = layers::around(api, config, &health, rate_limits).merge(lifecycle::probes(health));
    let trusted = TrustedProxies::new(&config.edge.trusted_proxies);
    let stack = ServiceBuilder::new()
        // Who asks is known to all.
        .map_request(move |request| tell_client(&trusted, request))
        // What is told to browsers is on every answer.
        .layer(from_sync_fn(security_headers::protect));
    whole.layer(stack)
}
