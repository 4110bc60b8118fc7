//! What `cargo up` can be told.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::{Parser, value_parser};
use gateway::Switch;
use reqwest::Url;
use settings::Secret;
use sqlx::postgres::PgConnectOptions;
use telemetry::TracesExporter;

/// The whole shop in one process: users, orders, payments and the gateway, on a PostgreSQL server of its own
#[derive(Parser)]
#[command(name = "cargo up", bin_name = "cargo up")]
pub struct Options {
    /// Where everything is kept; the next start continues with it
    #[arg(long, value_name = "DIR", default_value = ".joist")]
    pub data: PathBuf,

    /// Throws away what is kept there first
    #[arg(long)]
    pub fresh: bool,

    /// Whether there is a demo account with some orders; how to sign in to it is printed
    #[arg(long, value_name = "SWITCH", default_value = "on", overrides_with = "demo")]
    pub demo: Switch,

    /// Uses this PostgreSQL server instead of an own one: `postgres://ROLE@HOST:PORT/DATABASE`, a role that may create
    /// roles and databases
    #[arg(long, value_name = "URL")]
    pub database_url: Option<PgConnectOptions>,

    /// The password of that role
    #[arg(long, env, hide_env_values = true)]
    pub database_password: Option<Secret>,

    /// Prints what each request was made of, as a tree with durations
    #[arg(long)]
    pub traces: bool,

    /// How many instances of each service; all but the first are on free ports. A hang-up signal restarts them one
    /// after the other
    #[arg(long, value_name = "N", default_value = "1", value_parser = value_parser!(u8).range(1..=8))]
    pub replicas: u8,

    /// Joins the services that are registered with this Consul agent, instead of a registry within the process
    #[arg(long, value_name = "URL", value_parser = discovery::agent_url)]
    pub consul: Option<Url>,

    /// Whether the gateway refuses who asks too often; `off` is for load tests
    #[arg(long, value_name = "SWITCH", default_value = "on")]
    pub rate_limit: Switch,

    /// The address that all ports are on
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    pub host: IpAddr,

    /// The public API; like every port, 0 takes a free one
    #[arg(long, value_name = "PORT", default_value = "8080")]
    pub port: u16,

    /// Health, for orchestrators
    #[arg(long, value_name = "PORT", default_value = "9080")]
    pub ops_port: u16,

    /// users over gRPC
    #[arg(long, value_name = "PORT", default_value = "50051")]
    pub users_port: u16,

    /// users over HTTP
    #[arg(long, value_name = "PORT", default_value = "8081")]
    pub users_http_port: u16,

    /// orders over gRPC
    #[arg(long, value_name = "PORT", default_value = "50052")]
    pub orders_port: u16,

    #[command(flatten)]
    pub telemetry: telemetry::Config,

    #[command(subcommand)]
    pub command: Option<lifecycle::Command>,
}

impl Options {
    pub fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(self.host, port)
    }

    /// As it was told, with what `--traces` says.
    pub fn telemetry(&self) -> telemetry::Config {
        let mut config = self.telemetry.clone();
        if self.traces {
            config.otel_traces_exporter = TracesExporter::Console;
        }
        config
    }
}
