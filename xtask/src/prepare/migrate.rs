//! A database as a crate's migrations leave it.

use std::{path::Path, str::FromStr};

use postgres_server::PostgresServer;
use sqlx::{AssertSqlSafe, ConnectOptions, Executor, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use super::{Kind, Owner};

/// Returns the URL of the new database, password included.
#[tokio::main(flavor = "current_thread")]
pub async fn new_database(
    root: &Path,
    server: &PostgresServer,
    owner: &Owner,
    shared: &[Owner],
) -> anyhow::Result<String> {
    let options = PgConnectOptions::from_str(server.url())?.password(server.password());
    let create = format!("create database \"{}\"", owner.name);
    options.connect().await?.execute(AssertSqlSafe(create)).await?;

    let options = options.database(&owner.name);
    let mut connection = options.connect().await?;
    for it in shared {
        migrate(root, it, &mut connection).await?;
    }
    if owner.kind == Kind::Service {
        migrate(root, owner, &mut connection).await?;
    }
    Ok(options.to_url_lossy().into())
}

async fn migrate(root: &Path, owner: &Owner, connection: &mut PgConnection) -> anyhow::Result<()> {
    let mut migrations = Migrator::new(root.join(&owner.folder).join("migrations")).await?;
    if owner.kind == Kind::Shared {
        migrations.create_schema(owner.name.clone());
        migrations.dangerous_set_table_name(format!("{}._sqlx_migrations", owner.name));
    }
    migrations.run(connection).await?;
    Ok(())
}
