//! The settings of the orders service.

use std::{net::SocketAddr, time::Duration};

use clap::{Args, Parser, value_parser};
use discovery::Peer;
use identity::mesh::ServiceName;

use crate::commands::Command;

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
    pub threads: lifecycle::Threads,

    #[command(flatten)]
    pub drain: lifecycle::Drain,

    #[command(flatten)]
    pub events: events::Config,

    #[command(flatten)]
    pub telemetry: telemetry::Config,

    #[command(subcommand)]
    pub command: Option<Command>,
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

    /// Seconds that an order waits for its payment; then it is cancelled
    #[arg(long, env, default_value = "900", value_parser = value_parser!(u32).range(1..))]
    pub pending_timeout_s: u32,

    /// How many orders are watched at once; more are refused with UNAVAILABLE
    #[arg(long, env, default_value = "1000", value_parser = value_parser!(u32).range(1..))]
    pub max_streams: u32,

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

impl Config {
    pub(crate) fn pending_timeout(&self) -> Duration {
        Duration::from_secs(self.pending_timeout_s.into())
    }
}
