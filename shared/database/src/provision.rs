//! A database and a role of its own for each service, on a server that is ours to arrange.

use anyhow::Context;
use settings::Secret;
use sqlx::{AssertSqlSafe, Connection, PgConnection, postgres::PgConnectOptions};

/// Makes sure that the server has a database `name` that belongs to the role `name` with this password; nobody else
/// may connect to it. `server` names a role that may create both.
///
/// Returns how to connect to it. Errors: the server cannot be reached or refuses.
pub async fn provision(server: &PgConnectOptions, name: &str, password: &Secret) -> anyhow::Result<PgConnectOptions> {
    let mut connection = PgConnection::connect_with(server).await.context("the server cannot be reached")?;
    let role_exists = "select 1 from pg_roles where rolname = $1";
    match exists(&mut connection, role_exists, name).await? {
        true => run(&mut connection, "alter role %I login password %L", &[name, password.expose()]).await?,
        false => run(&mut connection, "create role %I login password %L", &[name, password.expose()]).await?,
    }
    if !exists(&mut connection, "select 1 from pg_database where datname = $1", name).await? {
        // A server's owner that is no superuser must be a member of a role to give it a database.
        run(&mut connection, "grant %I to current_user", &[name]).await?;
        run(&mut connection, "create database %I owner %I", &[name, name]).await?;
        run(&mut connection, "revoke connect on database %I from public", &[name]).await?;
    }
    connection.close().await?;
    Ok(server.clone().database(name).username(name).password(password.expose()))
}

async fn exists(connection: &mut PgConnection, query: &'static str, name: &str) -> anyhow::Result<bool> {
    let row = sqlx::query(query).bind(name).fetch_optional(connection).await?;
    Ok(row.is_some())
}

/// Runs a statement that takes no parameters by itself: PostgreSQL's `format` quotes the names and the literals.
async fn run(connection: &mut PgConnection, template: &str, values: &[&str]) -> anyhow::Result<()> {
    let statement: String = sqlx::query_scalar("select format($1, variadic $2::text[])")
        .bind(template)
        .bind(values)
        .fetch_one(&mut *connection)
        .await?;
    // The statement is not part of the error: it may hold a password.
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await.context("the server refuses")?;
    Ok(())
}
