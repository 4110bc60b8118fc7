//! A database as the service's migrations leave it.

use std::str::FromStr;

use postgres_server::PostgresServer;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, migrate::Migrator, postgres::PgConnectOptions};

use super::Service;

/// Returns the URL of the new database, password included.
#[tokio::main(flavor = "current_thread")]
pub async fn new_database(server: &PostgresServer, service: &Service) -> anyhow::Result<String> {
    let options = PgConnectOptions::from_str(server.url())?.password(server.password());
    let create = format!("create database \"{}\"", service.name);
    options.connect().await?.execute(AssertSqlSafe(create)).await?;

    let options = options.database(&service.name);
    let migrations = Migrator::new(service.folder.join("migrations")).await?;
    migrations.run(&mut options.connect().await?).await?;
    Ok(options.to_url_lossy().into())
}
