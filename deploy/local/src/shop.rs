//! The shop: the database server, the services, and the order in which they end.

use std::{num::NonZeroUsize, time::Instant};

use anyhow::Context;
use axum::Router;
use database::provision;
use gateway::Backends;
use identity::Issuer;
use lifecycle::Health;
use orders::Orders;
use postgres_server::PostgresServer;
use sqlx::postgres::PgConnectOptions;
use tokio::{task::spawn_blocking, try_join};
use tokio_util::sync::CancellationToken;
use users::Users;

use crate::{
    data::{self, Data},
    demo,
    options::Options,
    servers::{Addresses, Listeners, peer},
    welcome,
};

/// The default of the service by itself.
const PASSWORD_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

pub struct Shop {
    listeners: Listeners,
    addresses: Addresses,
    users: Users,
    orders: Orders,
    router: Router,
    /// Dropped last: it ends the server.
    database: Database,
    demo: bool,
    started: Instant,
}

impl Shop {
    /// Everything but the serving.
    pub async fn open(options: Options, listeners: Listeners, health: Health) -> anyhow::Result<Self> {
        let started = Instant::now();
        let database = Database::open(&options).await?;
        let addresses = listeners.addresses()?;
        let configs = Configs::of(&database, &addresses).await?;
        let (users, orders) = try_join!(Users::build(&configs.users), Orders::build(&configs.orders))?;
        users.report_to(&health);
        orders.report_to(&health);
        let router = gateway::router(Backends::connect(&configs.gateway), &[], health);
        Ok(Self { listeners, addresses, users, orders, router, database, demo: options.demo, started })
    }

    /// Serves until `shutdown`. Then it ends from the outside in: nobody ends before those who call it.
    pub async fn serve(self, shutdown: CancellationToken) -> anyhow::Result<()> {
        let (stop_orders, stop_users) = (CancellationToken::new(), CancellationToken::new());
        let gateway = async {
            gateway::serve(self.listeners.gateway, self.router, shutdown).await?;
            stop_orders.cancel();
            anyhow::Ok(())
        };
        let orders = async {
            orders::serve(self.listeners.orders, self.orders, stop_orders.clone()).await?;
            stop_users.cancel();
            anyhow::Ok(())
        };
        let users = users::serve(self.listeners.users, self.users, stop_users.clone());
        let greeting = async {
            let demo = if self.demo { Some(demo::fill(self.addresses.gateway).await?) } else { None };
            welcome::print(&self.addresses, demo.as_ref(), self.started.elapsed());
            Ok(())
        };
        try_join!(gateway, orders, users, greeting)?;
        self.database.stop().await
    }
}

/// The settings of every service, with the addresses as bound.
struct Configs {
    users: users::Config,
    orders: orders::Config,
    gateway: gateway::Config,
}

impl Configs {
    async fn of(database: &Database, addresses: &Addresses) -> anyhow::Result<Self> {
        let issuer =
            Issuer { token_issuer: format!("http://{}", addresses.gateway), token_audience: "joist".to_owned() };
        let token_jwks_url = format!("http://{}/.well-known/jwks.json", addresses.users_http).parse()?;
        let identity = identity::Config { issuer: issuer.clone(), token_jwks_url };
        let users = users::Config {
            grpc_addr: addresses.users,
            http_addr: addresses.users_http,
            key_secret: database.data.key_secret()?,
            password_concurrency: PASSWORD_CONCURRENCY,
            database: database.of("users").await?,
            issuer,
        };
        let orders = orders::Config {
            grpc_addr: addresses.orders,
            users_url: peer(addresses.users)?,
            database: database.of("orders").await?,
            identity: identity.clone(),
        };
        let gateway = gateway::Config {
            http_addr: addresses.gateway,
            users_url: peer(addresses.users)?,
            users_http_url: peer(addresses.users_http)?,
            orders_url: peer(addresses.orders)?,
            cors_allowed_origins: Vec::new(),
            identity,
        };
        Ok(Self { users, orders, gateway })
    }
}

/// The server that all databases are on.
struct Database {
    data: Data,
    options: PgConnectOptions,
    server: Option<PostgresServer>,
}

impl Database {
    async fn open(options: &Options) -> anyhow::Result<Self> {
        let data = Data::open(&options.data, options.fresh)?;
        if let Some(url) = &options.database_url {
            let password = options.database_password.as_ref();
            let options = password.map_or(url.clone(), |password| url.clone().password(password.expose()));
            return Ok(Self { data, options, server: None });
        }
        let folder = data.postgres();
        let server = spawn_blocking(move || PostgresServer::start(&folder)).await??;
        let url: PgConnectOptions = server.url().parse()?;
        Ok(Self { data, options: url.password(server.password()), server: Some(server) })
    }

    /// A service's own database, with a role of its own whose password nobody needs to know.
    async fn of(&self, service: &str) -> anyhow::Result<database::Config> {
        let password = data::random();
        let database_url = provision(&self.options, service, &password).await?;
        Ok(database::Config {
            database_url,
            database_password: Some(password),
            database_max_connections: 10,
            database_statement_timeout_ms: 5000,
        })
    }

    async fn stop(self) -> anyhow::Result<()> {
        match self.server {
            Some(server) => spawn_blocking(move || server.stop()).await?.context("the database server"),
            None => Ok(()),
        }
    }
}
