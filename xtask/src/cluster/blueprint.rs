//! Which instances there are, and the settings that each is started with.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use super::{
    agent::Agent,
    family::Family,
    folder::Folder,
    instance::{Instance, Plan, Service},
    nats::Nats,
    ports::Ports,
    postgres::Postgres,
};
use crate::programs::Programs;

/// Seals the signing keys; nothing here is worth a better one.
const KEY_SECRET: &str = "the key secret of a drill, long enough";

pub struct Blueprint<'a> {
    pub programs: &'a Programs,
    pub folder: &'a Folder,
    pub family: Arc<Family>,
    pub ports: Ports,
    pub servers: Servers<'a>,
}

/// What is not ours, and there before.
pub struct Servers<'a> {
    pub agent: &'a Agent,
    pub nats: &'a Nats,
    pub postgres: &'a Postgres,
}

impl Blueprint<'_> {
    pub fn users(&mut self, number: usize) -> anyhow::Result<Instance> {
        let address = self.ports.take()?;
        let database = self.servers.postgres.settings("users", self.servers.postgres.users.address());
        let own = [
            ("GRPC_ADDR", address.to_string()),
            ("HTTP_ADDR", self.ports.take()?.to_string()),
            ("KEY_SECRET", KEY_SECRET.to_owned()),
            ("MIMALLOC_PURGE_DELAY", "0".to_owned()),
        ];
        self.instance(Service::Users, number, Some(address), own.into_iter().chain(database))
    }

    pub fn orders(&mut self, number: usize) -> anyhow::Result<Instance> {
        let address = self.ports.take()?;
        let database = self.servers.postgres.settings("orders", self.servers.postgres.orders.address());
        let own = [("GRPC_ADDR", address.to_string()), ("USERS_URL", "consul:///users".to_owned())];
        self.instance(Service::Orders, number, Some(address), own.into_iter().chain(database))
    }

    /// Nobody calls it.
    pub fn payments(&mut self, number: usize) -> anyhow::Result<Instance> {
        let database = self.servers.postgres.settings("payments", self.servers.postgres.payments.address());
        self.instance(Service::Payments, number, None, database.into_iter())
    }

    pub fn gateway(&mut self, number: usize) -> anyhow::Result<Instance> {
        let address = self.ports.take()?;
        let own = [
            ("HTTP_ADDR", address.to_string()),
            ("USERS_URL", "consul:///users".to_owned()),
            ("USERS_HTTP_URL", "consul:///users".to_owned()),
            ("ORDERS_URL", "consul:///orders".to_owned()),
            // All clients of a drill are one address.
            ("RATE_LIMIT", "off".to_owned()),
            ("MAX_CONNECTIONS_PER_ADDRESS", "4096".to_owned()),
        ];
        self.instance(Service::Gateway, number, Some(address), own.into_iter())
    }

    fn instance(
        &mut self,
        service: Service,
        number: usize,
        address: Option<SocketAddr>,
        own: impl Iterator<Item = (&'static str, String)>,
    ) -> anyhow::Result<Instance> {
        let operations = self.ports.take()?;
        let name = format!("{}-{number}", service.name());
        let mut settings = self.settings(operations);
        settings.extend(own);
        let program = self.programs.path(service.name());
        let log = self.folder.log(&name);
        let address = address.unwrap_or(operations);
        Instance::new(Plan { service, name, program, address, operations, settings, log }, self.family.clone())
    }

    /// The settings of every program.
    fn settings(&self, operations: SocketAddr) -> BTreeMap<&'static str, String> {
        let issuer = "http://joist.drill";
        let keys = "consul:///users/.well-known/jwks.json";
        let own = [
            ("OPS_ADDR", operations.to_string()),
            ("CONSUL_URL", self.servers.agent.url()),
            ("NATS_URL", self.servers.nats.url()),
        ];
        let same = [
            ("ADVERTISE_ADDRESS", "127.0.0.1"),
            ("CONSUL_CHECK_INTERVAL_S", "2"),
            ("DRAIN_DELAY_S", "2"),
            ("DRAIN_TIMEOUT_S", "25"),
            ("LOG_FILTER", "info"),
            ("LOG_FORMAT", "json"),
            ("TOKEN_ISSUER", issuer),
            ("TOKEN_JWKS_URL", keys),
            ("WORKER_THREADS", "1"),
        ];
        own.into_iter().chain(same.map(|(name, value)| (name, value.to_owned()))).collect()
    }
}
