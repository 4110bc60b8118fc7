//! A private, migrated database for each test: a copy of a template, on one temporary server per test binary.

use std::{env, sync::OnceLock};

use database::Config;
use postgres_server::PostgresServer;
use settings::Secret;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
};
use tokio::{sync::OnceCell, task::spawn_blocking};
use uuid::Uuid;

/// Ends with the test binary, since it watches its parent.
static SERVER: OnceLock<PostgresServer> = OnceLock::new();

/// A test binary tests one service, so that one template is enough.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();

/// A database that nobody else uses, with this schema and that of outbox and inbox.
///
/// It is on a temporary server that is started for the test binary, or on the one that `DATABASE_URL` names.
pub async fn private_database(migrations: &Migrator) -> Config {
    let server = spawn_blocking(server).await.unwrap();
    let template = TEMPLATE.get_or_init(|| create_template(&server, migrations)).await;
    let name = unique_name();
    run(&server, format!("create database {name} template {template}")).await;
    config(server.database(&name))
}

/// Brings the schema one migration further than these, as the next version of the service would.
pub async fn migrate_ahead(database: &Config, migrations: &Migrator, statements: &'static str) {
    let version = migrations.iter().map(|migration| migration.version).max().unwrap_or_default() + 1;
    let ahead = Migration::new(version, "ahead".into(), MigrationType::Simple, statements.into_sql_str(), false);
    let migrations = migrations.iter().cloned().chain([ahead]).collect();
    let pool = database::connect(database).await.unwrap();
    database::migrate(&pool, &Migrator::with_migrations(migrations)).await.unwrap();
    pool.close().await;
}

/// The password of the server that the databases are on: `PgConnectOptions` do not tell it again.
pub fn server_password() -> Option<String> {
    SERVER.get().map(|server| server.password().to_owned())
}

fn server() -> PgConnectOptions {
    if let Ok(url) = env::var("DATABASE_URL") {
        return url.parse().expect("DATABASE_URL is the URL of a PostgreSQL server");
    }
    let server = SERVER.get_or_init(|| PostgresServer::temporary().unwrap_or_else(|error| panic!("{error}")));
    let options: PgConnectOptions = server.url().parse().unwrap();
    options.password(server.password())
}

async fn create_template(server: &PgConnectOptions, migrations: &Migrator) -> String {
    let name = unique_name();
    run(server, format!("create database {name}")).await;
    let pool = database::connect(&config(server.clone().database(&name))).await.unwrap();
    database::migrate(&pool, migrations).await.unwrap();
    events::migrate(&pool).await.unwrap();
    // Nobody may be connected to what is copied.
    pool.close().await;
    name
}

async fn run(server: &PgConnectOptions, statement: String) {
    let mut connection = PgConnection::connect_with(server).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

fn unique_name() -> String {
    format!("test_{}", Uuid::now_v7().simple())
}

fn config(database_url: PgConnectOptions) -> Config {
    Config {
        database_url,
        database_password: None::<Secret>,
        database_max_connections: 10,
        database_statement_timeout_ms: 5000,
    }
}
