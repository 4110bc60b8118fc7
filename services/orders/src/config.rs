//! The settings of the orders service.

use std::net::SocketAddr;

use clap::{Args, Parser};
use discovery::Peer;
use identity::mesh::ServiceName;

/// The orders program: the catalogue and the orders.
#[derive(Parser)]
pub struct Cli {
    #[command(flatten)]
    pub config: Config,

    /// Where orchestrators ask: livez, readyz
    #[arg(long, env, default_value = "0.0.0.0:9082")]
    pub ops_addr: SocketAddr,

    #[command(flatten)]
    pub discovery: discovery::Config,

    #[command(flatten)]
    pub drain: lifecycle::Drain,

    #[command(flatten)]
    pub telemetry: telemetry::Config,

    #[command(subcommand)]
    pub command: Option<lifecycle::Command>,
}

/// What the service needs, whatever process it runs in.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Where the other services call
    #[arg(long, env, default_value = "0.0.0.0:50052")]
    pub grpc_addr: SocketAddr,

    /// The users service: `http://host:port`, `dns:///host:port` or `consul:///users`
    #[arg(long, env, default_value = "http://localhost:50051")]
    pub users_url: Peer,

    #[command(flatten)]
    pub calls: rpc::ServerConfig,

    #[command(flatten)]
    pub client: rpc::ClientConfig,

    #[command(flatten)]
    pub database: database::Config,

    #[command(flatten)]
    pub identity: identity::Config,

    #[command(flatten)]
    pub mesh: identity::MeshConfig,

    /// The services that may call this one, by name, where PEER_TLS lets them prove who they are
    #[arg(long, env, value_delimiter = ',', default_value = "gateway")]
    pub allowed_callers: Vec<ServiceName>,
}
