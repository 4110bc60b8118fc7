//! Which bus a service uses.

use clap::Args;
use settings::Secret;

/// The NATS server, and how often an event is tried.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// `nats://HOST:PORT`, several separated by commas; user and password are settings of their own
    #[arg(long, env, default_value = "nats://localhost:4222")]
    pub nats_url: String,

    /// The user that the server knows this service by
    #[arg(long, env)]
    pub nats_user: Option<String>,

    /// Its password; NATS_PASSWORD_FILE names a file instead
    #[arg(long, env, hide_env_values = true)]
    pub nats_password: Option<Secret>,

    /// How often an event that cannot be handled is tried before it is set aside
    #[arg(long, env, default_value = "10", value_parser = clap::value_parser!(u32).range(1..))]
    pub events_max_deliver: u32,
}
