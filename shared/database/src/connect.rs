//! How a pool comes about, and what runs on it before anything else.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, value_parser};
use settings::Secret;
use sqlx::{
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::sleep;

use crate::{Failure, Pool};

/// Which database a service uses, and how much of it.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// `postgres://ROLE@HOST:PORT/DATABASE`; the password is a setting of its own
    #[arg(long, env)]
    pub database_url: PgConnectOptions,

    /// The role's password; DATABASE_PASSWORD_FILE names a file instead
    #[arg(long, env, hide_env_values = true)]
    pub database_password: Option<Secret>,

    /// How many connections one instance opens at most
    #[arg(long, env, default_value = "10", value_parser = value_parser!(u32).range(1..))]
    pub database_max_connections: u32,

    /// Milliseconds that a statement may take: the longest deadline of a route
    #[arg(long, env, default_value = "5000", value_parser = value_parser!(u64).range(1..))]
    pub database_statement_timeout_ms: u64,
}

/// Four such waits fit into the usual 5 s, so that the answer is that the database is away, and not that the time is over:
/// a call that is tried three times, and the wait of a caller that has its own need of the database afterwards.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(1);

/// An absent database is asked again after this.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Opens a pool, once the database answers: one that is still starting is waited for.
///
/// Errors: the database refuses the role.
pub async fn connect(config: &Config) -> anyhow::Result<Pool> {
    let statement_timeout = config.database_statement_timeout_ms.to_string();
    let mut options = config.database_url.clone().options([("statement_timeout", statement_timeout)]);
    if let Some(password) = &config.database_password {
        options = options.password(password.expose());
    }
    let pool = PgPoolOptions::new()
        .max_connections(config.database_max_connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_lazy_with(options);
    let pool = Pool::new(pool);
    while let Err(error) = pool.ping().await {
        if Failure::from(&error) != Failure::Unavailable {
            // sqlx's own words tell it twice.
            let reason = error.as_database_error().map_or_else(|| error.to_string(), |told| told.message().to_owned());
            bail!("the database refuses: {reason}");
        }
        tracing::warn!(error = %error, "waiting for the database");
        sleep(RETRY_AFTER).await;
    }
    Ok(pool)
}

/// Brings the schema up to date. Safe under several replicas (an advisory lock) and beside a newer neighbour, whose
/// migrations this program does not know.
///
/// Errors: a migration fails, or one was changed after it had run.
pub async fn migrate(pool: &Pool, migrations: &Migrator) -> anyhow::Result<()> {
    // A migration takes the time that it takes.
    let unlimited = pool.connect_options().options([("statement_timeout", "0")]);
    let connection = PgPoolOptions::new().max_connections(1).connect_lazy_with(unlimited);
    let mut migrator = Migrator::with_migrations(migrations.iter().cloned().collect());
    migrator.set_ignore_missing(true);
    let migrated = migrator.run(&connection).await;
    connection.close().await;
    migrated.context("the migrations failed")
}
