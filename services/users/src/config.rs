//! The settings of the users service.

use std::{net::SocketAddr, num::NonZeroUsize, time::Duration};

use clap::{Args, Parser, value_parser};
use identity::mesh::ServiceName;
use settings::Secret;

use crate::commands::Command;

/// The users program: accounts, signing in, the keys that tokens are verified with.
#[derive(Parser)]
pub struct Cli {
    #[command(flatten)]
    pub config: Config,

    /// Where orchestrators ask: livez, readyz
    #[arg(long, env, default_value = "0.0.0.0:9081")]
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
    #[arg(long, env, default_value = "0.0.0.0:50051")]
    pub grpc_addr: SocketAddr,

    /// Where OAuth 2 and the published keys are, over HTTP
    #[arg(long, env, default_value = "0.0.0.0:8081")]
    pub http_addr: SocketAddr,

    /// Seals the signing keys in the database: at least 32 characters; KEY_SECRET_FILE names a file instead
    #[arg(long, env, hide_env_values = true, value_parser = key_secret)]
    pub key_secret: Secret,

    /// How many passwords are hashed at once; each takes a core and 19 MiB for some 20 ms
    #[arg(long, env, default_value = "2")]
    pub password_concurrency: NonZeroUsize,

    /// Hours that a signing key signs before the next one does; more than an upgrade takes
    #[arg(long, env, default_value = "720", value_parser = value_parser!(u32).range(1..))]
    pub key_rotation_hours: u32,

    /// Failures to sign in to one account within 15 minutes, after which nobody is let in
    #[arg(long, env, default_value = "10", value_parser = value_parser!(u32).range(1..))]
    pub sign_in_failures_per_account: u32,

    /// Failures to sign in from one address (of IPv6, from its /64) within 15 minutes, after which nobody there is let in
    #[arg(long, env, default_value = "100", value_parser = value_parser!(u32).range(1..))]
    pub sign_in_failures_per_address: u32,

    #[command(flatten)]
    pub calls: rpc::ServerConfig,

    #[command(flatten)]
    pub database: database::Config,

    #[command(flatten)]
    pub issuer: identity::Issuer,

    /// Issuers that are believed besides: as the other services are told
    #[arg(long, env, value_delimiter = ';')]
    pub outside_issuers: Vec<identity::OutsideIssuer>,

    #[command(flatten)]
    pub mesh: identity::MeshConfig,

    /// The services that may call this one, by name, where PEER_TLS lets them prove who they are
    #[arg(long, env, value_delimiter = ',', default_value = "gateway,orders")]
    pub allowed_callers: Vec<ServiceName>,
}

impl Config {
    pub(crate) fn key_rotation(&self) -> Duration {
        Duration::from_secs(u64::from(self.key_rotation_hours) * 3600)
    }
}

/// Shorter secrets can be guessed.
const MIN_KEY_SECRET: usize = 32;

fn key_secret(text: &str) -> Result<Secret, String> {
    match text.len() < MIN_KEY_SECRET {
        true => Err(format!("must have at least {MIN_KEY_SECRET} characters")),
        false => Ok(text.to_owned().into()),
    }
}
