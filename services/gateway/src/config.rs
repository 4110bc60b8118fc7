//! The settings of the gateway.

use std::net::SocketAddr;

use axum::http::HeaderValue;
use clap::{Args, Parser, value_parser};
use discovery::Peer;

use crate::{rate_limit::RateLimitConfig, serve::EdgeConfig};

/// The gateway program: the public API.
#[derive(Parser)]
pub struct Cli {
    #[command(flatten)]
    pub config: Config,

    /// Where orchestrators ask: livez, readyz
    #[arg(long, env, default_value = "0.0.0.0:9080")]
    pub ops_addr: SocketAddr,

    #[command(flatten)]
    pub discovery: discovery::Config,

    #[command(flatten)]
    pub threads: lifecycle::Threads,

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

    /// The users service: `http://host:port`, `dns:///host:port` or `consul:///users`
    #[arg(long, env, default_value = "http://localhost:50051")]
    pub users_url: Peer,

    /// The users service's HTTP port; with `consul:///users`, the one that it has registered
    #[arg(long, env, default_value = "http://localhost:8081")]
    pub users_http_url: Peer,

    /// The orders service
    #[arg(long, env, default_value = "http://localhost:50052")]
    pub orders_url: Peer,

    /// Whose pages may call from a browser, as origins between commas; `*` for anybody's
    #[arg(long, env, value_delimiter = ',')]
    pub cors_allowed_origins: Vec<HeaderValue>,

    /// Milliseconds that a request may take in all
    #[arg(long, env, default_value = "5000", value_parser = value_parser!(u64).range(1..))]
    pub request_timeout_ms: u64,

    /// How many requests are worked on at once; more are refused with 503
    #[arg(long, env, default_value = "1024", value_parser = value_parser!(u32).range(1..))]
    pub max_concurrent_requests: u32,

    /// How many answers may go on for minutes at once, such as an order's events; more are refused with 503
    #[arg(long, env, default_value = "1000", value_parser = value_parser!(u32).range(1..))]
    pub max_streams: u32,

    #[command(flatten)]
    pub edge: EdgeConfig,

    #[command(flatten)]
    pub rate_limit: RateLimitConfig,

    #[command(flatten)]
    pub client: rpc::ClientConfig,

    #[command(flatten)]
    pub identity: identity::Config,

    #[command(flatten)]
    pub mesh: identity::MeshConfig,
}
