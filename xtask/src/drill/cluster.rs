//! The system that is drilled: PostgreSQL, Consul, NATS, and two instances of each service, all real, on fixed addresses.

mod agent;
mod blueprint;
mod call_log;
mod collector;
mod family;
mod folder;
mod forwarder;
mod instance;
mod metrics;
mod nats;
mod ports;
mod postgres;
mod prometheus;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::Client;
use tokio::try_join;

use self::{
    agent::Agent,
    blueprint::{Blueprint, Servers},
    family::Family,
    nats::Nats,
    ports::Ports,
    postgres::Postgres,
};
pub use self::{
    call_log::{CallLog, calls},
    collector::{Collector, Item, Received, Signal},
    folder::Folder,
    forwarder::Forwarder,
    instance::Instance,
    metrics::Sample,
    postgres::DATABASES,
    prometheus::Prometheus,
};
use crate::drill::programs::Programs;

/// As set for every program.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// What a request may take when nothing else is set, and what a busy machine may add.
pub const DEADLINE: Duration = Duration::from_millis(5000 + 250);

/// What a client asks users for.
pub const GET_USER: &str = "users.v1.UsersService/GetUser";

pub struct Cluster {
    // The order matters: the processes end before the servers that they use.
    pub users: [Instance; 2],
    pub orders: [Instance; 2],
    pub payments: [Instance; 2],
    pub gateways: [Instance; 2],
    pub agent: Agent,
    pub nats: Nats,
    pub postgres: Postgres,
    /// For what a drill opens besides.
    pub ports: Ports,
    family: Arc<Family>,
}

impl Cluster {
    /// Returns when every instance is ready and registered, and no product will be out of stock.
    pub async fn start(programs: &Programs, folder: &Folder) -> anyhow::Result<Self> {
        let (family, mut ports) = (Arc::new(Family::found()?), Ports::new());
        let mut agent = Agent::new(family.clone(), &mut ports, folder)?;
        let mut nats = Nats::new(family.clone(), &mut ports, folder)?;
        let ((), (), postgres) = try_join!(agent.start(), nats.start(), Postgres::start(folder, &mut ports))?;
        let servers = Servers { agent: &agent, nats: &nats, postgres: &postgres };
        let mut blueprint = Blueprint { programs, folder, family: family.clone(), ports, servers };
        let users = [blueprint.users(1)?, blueprint.users(2)?];
        let orders = [blueprint.orders(1)?, blueprint.orders(2)?];
        let payments = [blueprint.payments(1)?, blueprint.payments(2)?];
        let gateways = [blueprint.gateway(1)?, blueprint.gateway(2)?];
        let ports = blueprint.ports;
        let mut cluster = Self { users, orders, payments, gateways, agent, nats, postgres, ports, family };
        cluster.start_over().await?;
        cluster.fill_the_shelves().await?;
        Ok(cluster)
    }

    /// Starts every instance, with the settings that it has by now; those that run are killed before.
    pub async fn start_over(&mut self) -> anyhow::Result<()> {
        for instance in self.instances_mut().filter(|instance| instance.runs()) {
            instance.kill().await?;
        }
        for instance in self.instances_mut() {
            instance.start()?;
        }
        for instance in self.instances_mut() {
            instance.ready().await?;
        }
        self.agent.list_all(&self.registered(), Duration::from_secs(10)).await?;
        Ok(())
    }

    /// Changes a setting of every instance's next start.
    pub fn set(&mut self, setting: &'static str, value: impl ToString) {
        for instance in self.instances_mut() {
            instance.set(setting, value.to_string());
        }
    }

    pub fn instances(&self) -> Vec<&Instance> {
        self.users.iter().chain(&self.orders).chain(&self.payments).chain(&self.gateways).collect()
    }

    /// Those that Consul knows, since somebody calls them.
    pub fn registered(&self) -> Vec<&Instance> {
        self.instances().into_iter().filter(|instance| instance.service().is_registered()).collect()
    }

    pub fn instances_mut(&mut self) -> impl Iterator<Item = &mut Instance> {
        self.users.iter_mut().chain(&mut self.orders).chain(&mut self.payments).chain(&mut self.gateways)
    }

    /// Restarts both gateways with this setting.
    pub async fn restart_gateways(&mut self, setting: &'static str, value: impl ToString) -> anyhow::Result<()> {
        let [one, other] = &mut self.gateways;
        one.set(setting, value.to_string());
        other.set(setting, value.to_string());
        try_join!(one.restart(), other.restart())?;
        Ok(())
    }

    /// Starts both instances of payments again, which are killed before, with this setting.
    pub async fn restart_payments(&mut self, settings: &[(&'static str, &str)]) -> anyhow::Result<()> {
        for instance in &mut self.payments {
            for (setting, value) in settings {
                instance.set(setting, value);
            }
            instance.kill().await?;
            instance.start()?;
        }
        let [one, other] = &mut self.payments;
        try_join!(one.ready(), other.ready())?;
        Ok(())
    }

    /// Where clients find the system.
    pub fn front(&self) -> Vec<SocketAddr> {
        self.gateways.iter().map(Instance::address).collect()
    }

    async fn fill_the_shelves(&self) -> anyhow::Result<()> {
        let mut database = self.postgres.connect_to_orders().await?;
        sqlx::query("update products set stock = 1000000000").execute(&mut database).await?;
        Ok(())
    }
}

/// A client for questions to what runs on this machine.
pub fn client(timeout: Duration) -> anyhow::Result<Client> {
    Ok(Client::builder().no_proxy().tls_certs_only([]).timeout(timeout).build()?)
}
