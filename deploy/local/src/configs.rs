//! The settings of every service, as a process by itself would be told them.

use std::num::NonZeroUsize;

use discovery::{Peer, Registry};
use gateway::{EdgeConfig, RateLimitConfig, Switch};
use identity::{Issuer, MeshConfig};
use payments::ProviderConfig;
use rpc::{ClientConfig, ServerConfig};

use crate::{data::Data, database_server::DatabaseServer, options::Options, servers::Addresses};

/// The default of the service by itself.
const PASSWORD_CONCURRENCY: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

/// The same for all instances of a service: each is given its ports as they are.
pub struct Configs {
    pub users: users::Config,
    pub orders: orders::Config,
    pub payments: payments::Config,
    pub gateway: gateway::Config,
}

impl Configs {
    /// `addresses` are those of the first instances.
    pub async fn of(
        database: &DatabaseServer,
        data: &Data,
        addresses: &Addresses,
        rate_limit: Switch,
    ) -> anyhow::Result<Self> {
        let issuer = issuer(addresses);
        let token_jwks_url = "consul:///users/.well-known/jwks.json".parse()?;
        let identity = identity::Config { issuer: issuer.clone(), token_jwks_url, outside_issuers: Vec::new() };
        let users = users::Config {
            grpc_addr: addresses.users,
            http_addr: addresses.users_http,
            key_secret: data.key_secret()?,
            password_concurrency: PASSWORD_CONCURRENCY,
            key_rotation_hours: 720,
            sign_in_failures_per_account: 10,
            sign_in_failures_per_address: 100,
            calls: ServerConfig::default(),
            database: database.of("users").await?,
            issuer,
            outside_issuers: Vec::new(),
            mesh: MeshConfig::default(),
            allowed_callers: Vec::new(),
        };
        let orders = orders::Config {
            grpc_addr: addresses.orders,
            users_url: service("users"),
            pending_timeout_s: 900,
            max_streams: 1000,
            calls: ServerConfig::default(),
            client: ClientConfig::default(),
            database: database.of("orders").await?,
            identity: identity.clone(),
            mesh: MeshConfig::default(),
            allowed_callers: Vec::new(),
        };
        let payments =
            payments::Config { database: database.of("payments").await?, provider: ProviderConfig::default() };
        let gateway = gateway::Config {
            http_addr: addresses.gateway,
            users_url: service("users"),
            users_http_url: service("users"),
            orders_url: service("orders"),
            cors_allowed_origins: Vec::new(),
            request_timeout_ms: 5000,
            max_concurrent_requests: 1024,
            max_streams: 1000,
            edge: EdgeConfig::default(),
            rate_limit: RateLimitConfig { rate_limit, ..RateLimitConfig::default() },
            client: ClientConfig::default(),
            identity,
            // They share a process, and so a proof.
            mesh: MeshConfig::default(),
        };
        Ok(Self { users, orders, payments, gateway })
    }
}

fn issuer(addresses: &Addresses) -> Issuer {
    Issuer { token_issuer: format!("http://{}", addresses.gateway), token_audience: "joist".to_owned() }
}

fn service(name: &str) -> Peer {
    Peer::Service(name.to_owned())
}

/// Where the services find each other.
pub fn registry(options: &Options) -> anyhow::Result<Registry> {
    match &options.consul {
        None => Ok(Registry::in_process()),
        Some(url) => {
            let config = discovery::Config { consul_url: Some(url.clone()), ..discovery::Config::default() };
            Registry::new(&config)
        }
    }
}
