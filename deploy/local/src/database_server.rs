//! The PostgreSQL server that all databases are on.

use anyhow::Context;
use database::provision;
use postgres_server::PostgresServer;
use sqlx::postgres::PgConnectOptions;
use tokio::task::spawn_blocking;

use crate::{
    data::{self, Data},
    options::Options,
};

pub struct DatabaseServer {
    options: PgConnectOptions,
    own: Option<PostgresServer>,
}

impl DatabaseServer {
    pub async fn open(options: &Options, data: &Data) -> anyhow::Result<Self> {
        if let Some(url) = &options.database_url {
            let password = options.database_password.as_ref();
            let options = password.map_or(url.clone(), |password| url.clone().password(password.expose()));
            return Ok(Self { options, own: None });
        }
        let folder = data.postgres();
        let server = spawn_blocking(move || PostgresServer::start(&folder)).await??;
        let url: PgConnectOptions = server.url().parse()?;
        Ok(Self { options: url.password(server.password()), own: Some(server) })
    }

    /// A service's own database, with a role of its own whose password nobody needs to know.
    pub async fn of(&self, service: &str) -> anyhow::Result<database::Config> {
        let password = data::random();
        let database_url = provision(&self.options, service, &password).await?;
        Ok(database::Config {
            database_url,
            database_password: Some(password),
            database_max_connections: 10,
            database_statement_timeout_ms: 5000,
        })
    }

    pub async fn stop(self) -> anyhow::Result<()> {
        match self.own {
            Some(server) => spawn_blocking(move || server.stop()).await?.context("the database server"),
            None => Ok(()),
        }
    }
}
