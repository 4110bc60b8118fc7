//! A gRPC server: the services of a process behind one stack, with health and reflection.

mod authorize;
mod lingering;
mod stack;

use std::{io, time::Duration};

use anyhow::Context;
use clap::{Args, value_parser};
use futures::{Stream, stream};
use identity::{
    Policy, Verifier,
    mesh::{self, Acceptor, Listener},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{
    body::Body,
    server::NamedService,
    service::{Routes, RoutesBuilder},
    transport,
};
use tonic_health::{ServingStatus, server::health_reporter};
use tonic_reflection::server::Builder as ReflectionBuilder;
use tower::Service;

use self::authorize::Guard;
pub use self::{authorize::caller, lingering::Lingering, stack::panic_message};
use crate::methods::Methods;

/// Streams that one connection may have open at a time. A client keeps one connection, so this is also what it can ask
/// at once: calls, and besides them those whose answers go on. A gateway has up to 1024 and 1000 of these.
const MAX_STREAMS: u32 = 4096;

/// The headers of a call, in bytes: a token has some 700, the longest that is looked at 4096.
const MAX_HEADERS: u32 = 16 * 1024;

/// Streams that a client may open and reset before anybody has looked at them; beyond, the connection is closed
/// (CVE-2023-44487, "rapid reset").
const MAX_RESETS: usize = 32;

/// The same for streams that we reset because of the client's errors.
const MAX_ERROR_RESETS: usize = 128;

/// A client that says nothing is asked whether it is alive after this, …
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);

/// … and its connection is closed when there is no answer within this.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// How much a process lets others ask of it.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct ServerConfig {
    /// How many calls are worked on at once; more are refused with UNAVAILABLE
    #[arg(long, env, default_value = "512", value_parser = value_parser!(u32).range(1..))]
    pub max_concurrent_calls: u32,
}

impl Default for ServerConfig {
    /// What the settings say where nothing is set.
    fn default() -> Self {
        Self { max_concurrent_calls: 512 }
    }
}

/// A gRPC server in the making.
pub struct Server {
    routes: RoutesBuilder,
    names: Vec<&'static str>,
    descriptors: &'static [u8],
    max_concurrent_calls: u32,
    guard: Option<Guard>,
    acceptor: Acceptor,
}

impl Server {
    /// A server without services; `descriptors` is the encoded `FileDescriptorSet` of those that it will have.
    pub fn new(config: &ServerConfig, descriptors: &'static [u8]) -> Self {
        let max_concurrent_calls = config.max_concurrent_calls;
        let (routes, acceptor) = (Routes::builder(), Acceptor::plain());
        Self { routes, names: Vec::new(), descriptors, max_concurrent_calls, guard: None, acceptor }
    }

    /// Lets in who may call by the policy and nobody else: a method that is not in it is not there. Health and reflection
    /// are for everyone. Handlers learn of their caller by [`caller`].
    pub fn guarded(self, verifier: Verifier, policy: Policy) -> Self {
        Self { guard: Some(Guard::new(verifier, policy)), ..self }
    }

    /// Lets in whom this lets in; without it, everybody.
    pub fn behind(self, acceptor: Acceptor) -> Self {
        Self { acceptor, ..self }
    }

    /// Adds a service.
    pub fn with<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = std::convert::Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.names.push(S::NAME);
        self
    }

    /// Serves until `shutdown`, with `grpc.health.v1` and reflection; then finishes what is in flight.
    ///
    /// Errors: the descriptors cannot be read, the policy is not the one of these services, or the listener fails.
    pub async fn serve(mut self, listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
        let methods = Methods::read(self.descriptors)?;
        if let Some(guard) = &self.guard {
            guard.check(self.names.iter().flat_map(|name| methods.of(name)))?;
        }
        let (health, health_service) = health_reporter();
        for name in &self.names {
            health.set_service_status(*name, ServingStatus::Serving).await;
        }
        self = self.with(health_service);
        let unreadable = "the descriptors cannot be read";
        self.routes.add_service(self.reflection().build_v1().context(unreadable)?);
        // What many a tool still speaks.
        self.routes.add_service(self.reflection().build_v1alpha().context(unreadable)?);
        let services = authorize::around(self.routes.routes().into_axum_router(), self.guard);
        let calls = stack::around(services, self.max_concurrent_calls, methods);
        let connections = connections(Listener::new(listener, self.acceptor));
        http2()
            .add_routes(Routes::from(calls))
            .serve_with_incoming_shutdown(connections, shutdown.cancelled_owned())
            .await
            .context("the gRPC server failed")
    }

    /// Tells of the services that are here, and not of all that are described.
    fn reflection(&self) -> ReflectionBuilder<'static> {
        let builder = ReflectionBuilder::configure()
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(self.descriptors);
        self.names.iter().fold(builder, |builder, name| builder.with_service_name(*name))
    }
}

/// What lingers is beneath TLS, which has its own last words.
fn connections(listener: Listener<Lingering>) -> impl Stream<Item = io::Result<mesh::Stream<Lingering>>> {
    stream::unfold(listener, |mut listener| async {
        let (connection, _) = listener.accept().await;
        Some((Ok(connection), listener))
    })
}

fn http2() -> transport::Server {
    transport::Server::builder()
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADERS)
        .http2_max_pending_accept_reset_streams(Some(MAX_RESETS))
        .http2_max_local_error_reset_streams(Some(MAX_ERROR_RESETS))
        .http2_keepalive_interval(Some(KEEPALIVE_INTERVAL))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
}
