//! The instances that come and go, and who calls them.

use std::{net::SocketAddr, time::Duration};

use discovery::{Peer, Registration, Registry};
use futures::{Stream, StreamExt, stream};
use http::uri::PathAndQuery;
use identity::{Mesh, mesh::Acceptor};
use rpc::{Channel, Client, ClientConfig, Policy, Server, ServerConfig};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, yield_now},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, client::Grpc};
use tonic_prost::ProstCodec;

use super::echo::{Answer, COLLECT, DESCRIPTORS, Echo, READ, WATCH, WRITE};

/// A running instance of the echo service.
pub struct Instance {
    pub address: SocketAddr,
    pub echo: Echo,
    stop: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Instance {
    pub async fn start(echo: &Echo) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), echo).await
    }

    pub async fn start_at(address: SocketAddr, echo: &Echo) -> Self {
        Self::start_behind(address, echo, Acceptor::plain()).await
    }

    pub async fn start_behind(address: SocketAddr, echo: &Echo, acceptor: Acceptor) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = Server::new(&ServerConfig::default(), &DESCRIPTORS).behind(acceptor).with(echo.clone());
        let serving = tokio::spawn(server.serve(listener, stop.clone()));
        Self { address, echo: echo.clone(), stop, serving }
    }

    /// Begins to end it, as SIGTERM does.
    pub fn begin_to_stop(&self) {
        self.stop.cancel();
    }

    /// Waits until it has finished what was in flight.
    pub async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

/// An address at which nobody listens.
pub async fn dead_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// The instances that are registered, and under which name.
pub struct Fleet {
    registry: Registry,
    name: &'static str,
    mesh: Mesh,
}

impl Fleet {
    pub fn new() -> Self {
        Self::named("echo")
    }

    /// One whose measurements are its own.
    pub fn named(name: &'static str) -> Self {
        Self { registry: Registry::in_process(), name, mesh: Mesh::plain() }
    }

    /// One that is called by this process.
    pub fn called_by(mesh: Mesh) -> Self {
        Self { mesh, ..Self::new() }
    }

    /// Registers what is at an address; it leaves when the token is cancelled.
    pub fn join(&self, address: SocketAddr) -> CancellationToken {
        let (registry, leaving) = (self.registry.clone(), CancellationToken::new());
        let registration = Registration::grpc(self.name, "test", address, address);
        let until = leaving.clone();
        tokio::spawn(async move { registry.register(registration, until).await });
        leaving
    }

    pub async fn start(&self, echo: &Echo) -> Instance {
        let instance = Instance::start(echo).await;
        self.join(instance.address);
        instance
    }

    pub fn caller(&self, config: &ClientConfig) -> Caller {
        let client = Client::new(config, self.registry.clone(), self.mesh.clone(), &DESCRIPTORS).unwrap();
        Caller(client.channel(self.name, &Peer::Service(self.name.to_owned())).unwrap())
    }
}

/// As many retries as anybody may want.
pub fn generous() -> ClientConfig {
    ClientConfig { retry_percent: 1000, ..ClientConfig::default() }
}

pub fn by(balance_policy: Policy) -> ClientConfig {
    ClientConfig { balance_policy, ..generous() }
}

/// A client of the echo service.
#[derive(Clone)]
pub struct Caller(pub Channel);

impl Caller {
    /// Of one instance.
    pub async fn of(echo: &Echo) -> Self {
        Self::at(Instance::start(echo).await.address)
    }

    /// Of whatever is at this address.
    pub fn at(address: SocketAddr) -> Self {
        let fleet = Fleet::new();
        fleet.join(address);
        fleet.caller(&generous())
    }

    fn grpc(&self) -> Grpc<Channel> {
        Grpc::new(self.0.clone())
    }

    pub async fn call(&self, path: &'static str, request: Request<String>) -> Answer {
        self.grpc().unary(request, PathAndQuery::from_static(path), ProstCodec::default()).await
    }

    pub async fn read(&self, text: &str) -> Result<String, Status> {
        self.call(READ, Request::new(text.to_owned())).await.map(Response::into_inner)
    }

    pub async fn write(&self, text: &str) -> Result<String, Status> {
        self.call(WRITE, Request::new(text.to_owned())).await.map(Response::into_inner)
    }

    pub async fn watch(&self, text: &str) -> Result<Streaming<String>, Status> {
        self.watch_with(Request::new(text.to_owned())).await
    }

    pub async fn watch_with(&self, request: Request<String>) -> Result<Streaming<String>, Status> {
        let path = PathAndQuery::from_static(WATCH);
        self.grpc().server_streaming(request, path, ProstCodec::default()).await.map(Response::into_inner)
    }

    pub async fn collect(&self, texts: impl Stream<Item = String> + Send + 'static) -> Result<String, Status> {
        let (request, path) = (Request::new(texts), PathAndQuery::from_static(COLLECT));
        self.grpc().client_streaming(request, path, ProstCodec::default()).await.map(Response::into_inner)
    }

    /// So many reads, ten at a time.
    pub async fn read_often(&self, calls: usize) -> Vec<Result<String, Status>> {
        stream::iter(0..calls).map(|_| self.read("hello")).buffer_unordered(10).collect().await
    }

    /// Waits until the report says this.
    pub async fn sees(&self, text: &str) {
        until(text, || self.0.report().contains(text)).await;
    }
}

/// Waits for a state, though not for ever.
pub async fn until(what: &str, state: impl Fn() -> bool) {
    let wait = async {
        while !state() {
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), wait).await.unwrap_or_else(|_| panic!("waited in vain for: {what}"));
}
