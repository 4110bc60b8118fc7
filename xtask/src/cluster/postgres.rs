//! A real PostgreSQL server with a database for each service, which can be stopped and comes back at the same address.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use anyhow::Context;
use database::provision;
use postgres_server::PostgresServer;
use rustix::process::{Pid, Signal, kill_process};
use settings::Secret;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use tokio::{process::Command, task::spawn_blocking};
use uuid::Uuid;

use super::{folder::Folder, forwarder::Forwarder, ports::Ports};

/// Those that have one.
pub const DATABASES: [&str; 3] = ["users", "orders", "payments"];

pub struct Postgres {
    /// In front of the server: it takes another port at each start, and services are to be cut off one by one.
    pub users: Forwarder,
    pub orders: Forwarder,
    pub payments: Forwarder,
    password: String,
    folder: PathBuf,
    server: Option<PostgresServer>,
}

impl Postgres {
    pub async fn start(folder: &Folder, ports: &mut Ports) -> anyhow::Result<Self> {
        let mut postgres = Self {
            users: Forwarder::at(ports.take()?),
            orders: Forwarder::at(ports.take()?),
            payments: Forwarder::at(ports.take()?),
            password: Uuid::new_v4().to_string(),
            folder: folder.postgres(),
            server: None,
        };
        postgres.start_again().await?;
        let password = Secret::from(postgres.password.clone());
        for service in DATABASES {
            provision(&postgres.superuser()?, service, &password).await?;
        }
        Ok(postgres)
    }

    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        let folder = self.folder.clone();
        self.server = Some(spawn_blocking(move || PostgresServer::start(&folder)).await??);
        self.let_everybody_in().await
    }

    /// Ends what a forwarder was told to do instead.
    pub async fn let_everybody_in(&mut self) -> anyhow::Result<()> {
        let address = self.address()?;
        for forwarder in [&mut self.users, &mut self.orders, &mut self.payments] {
            forwarder.relay(address, Duration::ZERO).await?;
        }
        Ok(())
    }

    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let server = self.server.take().context("PostgreSQL does not run")?;
        spawn_blocking(move || server.stop()).await?.context("PostgreSQL does not stop")?;
        for forwarder in [&mut self.users, &mut self.orders, &mut self.payments] {
            forwarder.refuse().await;
        }
        Ok(())
    }

    /// At once, as a crash would: it has no time to write anything down that is not yet.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        // Its own notice its death.
        let server = Pid::from_raw(self.id()?.try_into()?);
        kill_process(server.context("PostgreSQL says who it is")?, Signal::KILL)?;
        self.stop().await
    }

    /// Of the process that all others of it are children of. Errors: it does not run.
    pub fn id(&self) -> anyhow::Result<u32> {
        let file = fs::read_to_string(self.folder.join("cluster/data/postmaster.pid"))?;
        Ok(file.lines().next().context("PostgreSQL says who it is")?.parse()?)
    }

    /// Where it listens itself, until it is stopped.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, self.superuser()?.get_port())))
    }

    /// What a service needs to know to reach its database.
    pub fn settings(&self, service: &'static str, address: SocketAddr) -> [(&'static str, String); 2] {
        let url = format!("postgres://{service}@{address}/{service}");
        [("DATABASE_URL", url), ("DATABASE_PASSWORD", self.password.clone())]
    }

    /// A connection of the drill's own to the database of orders, past every forwarder.
    pub async fn connect_to_orders(&self) -> anyhow::Result<PgConnection> {
        self.connect_to("orders").await
    }

    /// The same to any of them.
    pub async fn connect_to(&self, database: &str) -> anyhow::Result<PgConnection> {
        let options = self.superuser()?.database(database);
        let connection = PgConnection::connect_with(&options).await;
        connection.with_context(|| format!("the database of {database} cannot be reached"))
    }

    /// One of PostgreSQL's own programs, told where the server is.
    pub fn client(&self, program: &str) -> anyhow::Result<Command> {
        let server = self.server.as_ref().context("PostgreSQL does not run")?;
        let mut command = Command::new(server.programs().join(program));
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.address()?.port().to_string());
        command.env("PGUSER", "postgres").env("PGPASSWORD", server.password());
        Ok(command)
    }

    fn superuser(&self) -> anyhow::Result<PgConnectOptions> {
        let server = self.server.as_ref().context("PostgreSQL does not run")?;
        let options: PgConnectOptions = server.url().parse()?;
        Ok(options.password(server.password()))
    }
}
