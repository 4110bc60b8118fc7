//! How a pool comes about, and what runs on it before anything else.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, value_parser};
use settings::Secret;
use sqlx::{Connection, migrate::Migrator, postgres::PgConnectOptions};
use tokio::time::sleep;

use crate::{Failure, Pool, pool::open};

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
    loop {
        match open(options.clone()).await {
            Ok(first) => return Ok(Pool::new(first, options, config.database_max_connections)),
            Err(error) if Failure::from(&error) == Failure::Unavailable => {
                tracing::warn!(error = %error, "waiting for the database");
            }
            Err(error) => {
                // sqlx's own words tell it twice.
                let told = error.as_database_error().map(|told| told.message().to_owned());
                bail!("the database refuses: {}", told.unwrap_or_else(|| error.to_string()));
            }
        }
        sleep(RETRY_AFTER).await;
    }
}

/// Brings the schema up to date. Safe under several replicas (an advisory lock) and beside a newer neighbour, whose
/// migrations this program does not know.
///
/// Errors: a migration fails, or one was changed after it had run.
pub async fn migrate(pool: &Pool, migrations: &Migrator) -> anyhow::Result<()> {
    run(pool, Migrator::with_migrations(migrations.iter().cloned().collect())).await
}

/// The same for a schema beside it that is somebody else's: it is created, and its migrations are counted in a table there.
///
/// Errors: as above.
pub async fn migrate_schema(pool: &Pool, schema: &'static str, migrations: &Migrator) -> anyhow::Result<()> {
    let mut migrator = Migrator::with_migrations(migrations.iter().cloned().collect());
    migrator.create_schema(schema);
    migrator.dangerous_set_table_name(format!("{schema}._sqlx_migrations"));
    run(pool, migrator).await
}

async fn run(pool: &Pool, mut migrator: Migrator) -> anyhow::Result<()> {
    // A migration takes the time that it takes.
    let unlimited = pool.connect_options().clone().options([("statement_timeout", "0")]);
    let mut connection = open(unlimited).await?;
    migrator.set_ignore_missing(true);
    // By reference to what is a connection already: `run` would make this future one that cannot be boxed.
    let migrated = migrator.run_direct(None, &mut connection, false).await;
    // What is done is done, whether or not there is somebody to take leave of.
    let _ = connection.close().await;
    migrated.context("the migrations failed")
}
