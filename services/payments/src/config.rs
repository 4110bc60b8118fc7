//! The settings of the payments service.

use std::net::SocketAddr;

use clap::{Args, Parser};

use crate::{ProviderConfig, commands::Command};

/// The payments program: orders are charged, and refunded.
#[derive(Parser)]
pub struct Cli {
    #[command(flatten)]
    pub config: Config,

    /// Where orchestrators ask: livez, readyz
    #[arg(long, env, default_value = "0.0.0.0:9083")]
    pub ops_addr: SocketAddr,

    #[command(flatten)]
    pub events: events::Config,

    #[command(flatten)]
    pub discovery: discovery::Config,

    #[command(flatten)]
    pub threads: lifecycle::Threads,

    #[command(flatten)]
    pub drain: lifecycle::Drain,

    #[command(flatten)]
    pub telemetry: telemetry::Config,

    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What the service needs, whatever process it runs in.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    #[command(flatten)]
    pub database: database::Config,

    #[command(flatten)]
    pub provider: ProviderConfig,
}
