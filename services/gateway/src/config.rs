//! The settings of the gateway.

use std::net::SocketAddr;

use axum::http::HeaderValue;
use clap::{Args, Parser};
use rpc::Peer;

/// The gateway program: the public API.
#[derive(Parser)]
pub struct Cli {
    #[command(flatten)]
    pub config: Config,

    /// Where orchestrators ask: livez, readyz
    #[arg(long, env, default_value = "0.0.0.0:9080")]
    pub ops_addr: SocketAddr,

    #[command(flatten)]
    pub drain: lifecycle::Drain,

    #[command(flatten)]
    pub telemetry: telemetry::Config,

    #[command(subcommand)]
    pub command: Option<lifecycle::Command>,
}

/// What the gateway needs, whatever process it runs in.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Where the public calls
    #[arg(long, env, default_value = "0.0.0.0:8080")]
    pub http_addr: SocketAddr,

    /// The users service
    #[arg(long, env, default_value = "http://localhost:50051")]
    pub users_url: Peer,

    /// The users service's HTTP port
    #[arg(long, env, default_value = "http://localhost:8081")]
    pub users_http_url: Peer,

    /// The orders service
    #[arg(long, env, default_value = "http://localhost:50052")]
    pub orders_url: Peer,

    /// Whose pages may call from a browser, as origins between commas; `*` for anybody's
    #[arg(long, env, value_delimiter = ',')]
    pub cors_allowed_origins: Vec<HeaderValue>,

    #[command(flatten)]
    pub identity: identity::Config,
}
