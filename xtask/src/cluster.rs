//! The system that is drilled and measured: PostgreSQL, Consul, NATS, and the services, all real, on fixed addresses.

pub mod aftermath;
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

use std::{ffi::OsStr, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use futures::future::try_join_all;
use reqwest::Client;
use tokio::{process::Command, try_join};

use self::{
    agent::Agent,
    blueprint::{Blueprint, Servers},
    family::Family,
    nats::Nats,
    ports::Ports,
};
pub use self::{
    call_log::{CallLog, calls},
    collector::{Collector, Item, Received, Signal},
    folder::Folder,
    forwarder::Forwarder,
    instance::Instance,
    metrics::Sample,
    postgres::{DATABASES, Postgres},
    prometheus::Prometheus,
};
use crate::programs::Programs;

/// As set for every program.
pub const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// What a request may take when nothing else is set, and what a busy machine may add.
pub const DEADLINE: Duration = Duration::from_millis(5000 + 250);

/// What a client asks users for.
pub const GET_USER: &str = "users.v1.UsersService/GetUser";

/// With so many instances of each service: where somebody has to come in for another, two.
pub struct Cluster<const N: usize = 2> {
    // The order matters: the processes end before the servers that they use.
    pub users: [Instance; N],
    pub orders: [Instance; N],
    pub payments: [Instance; N],
    pub gateways: [Instance; N],
    pub agent: Agent,
    pub nats: Nats,
    pub postgres: Postgres,
    /// For what a drill opens besides.
    pub ports: Ports,
    family: Arc<Family>,
}

impl<const N: usize> Cluster<N> {
    /// Returns when every instance is ready and registered, and no product will be out of stock.
    pub async fn start(programs: &Programs, folder: &Folder) -> anyhow::Result<Self> {
        let (family, mut ports) = (Arc::new(Family::found()?), Ports::new());
        let mut agent = Agent::new(family.clone(), &mut ports, folder)?;
        let mut nats = Nats::new(family.clone(), &mut ports, folder)?;
        let ((), (), postgres) = try_join!(agent.start(), nats.start(), Postgres::start(folder, &mut ports))?;
        let servers = Servers { agent: &agent, nats: &nats, postgres: &postgres };
        let mut blueprint = Blueprint { programs, folder, family: family.clone(), ports, servers };
        let users = each(|number| blueprint.users(number))?;
        let orders = each(|number| blueprint.orders(number))?;
        let payments = each(|number| blueprint.payments(number))?;
        let gateways = each(|number| blueprint.gateway(number))?;
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

    /// Restarts the gateways with this setting.
    pub async fn restart_gateways(&mut self, setting: &'static str, value: impl ToString) -> anyhow::Result<()> {
        self.gateways.iter_mut().for_each(|gateway| gateway.set(setting, value.to_string()));
        try_join_all(self.gateways.iter_mut().map(Instance::restart)).await?;
        Ok(())
    }

    /// Starts all instances of payments again, which are killed before, with this setting.
    pub async fn restart_payments(&mut self, settings: &[(&'static str, &str)]) -> anyhow::Result<()> {
        for instance in &mut self.payments {
            for (setting, value) in settings {
                instance.set(setting, value);
            }
            instance.kill().await?;
            instance.start()?;
        }
        try_join_all(self.payments.iter_mut().map(Instance::ready)).await?;
        Ok(())
    }

    /// Has the services talk to PostgreSQL itself from their next start on, not through this process, and for as long as
    /// PostgreSQL is not stopped.
    pub fn connect_directly(&mut self) -> anyhow::Result<()> {
        let address = self.postgres.address()?;
        for instance in self.users.iter_mut().chain(&mut self.orders).chain(&mut self.payments) {
            for (setting, value) in self.postgres.settings(instance.service().name(), address) {
                instance.set(setting, value);
            }
        }
        Ok(())
    }

    /// A command that runs something besides, which ends with the cluster and writes to this log.
    pub fn command(&self, program: impl AsRef<OsStr>, log: &Path) -> anyhow::Result<Command> {
        self.family.member(program, log)
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

/// One for each number.
fn each<const N: usize>(instance: impl FnMut(usize) -> anyhow::Result<Instance>) -> anyhow::Result<[Instance; N]> {
    let instances: Vec<_> = (1..=N).map(instance).collect::<anyhow::Result<_>>()?;
    instances.try_into().ok().context("there are as many as were asked for")
}

/// A client for questions to what runs on this machine.
pub fn client(timeout: Duration) -> anyhow::Result<Client> {
    Ok(Client::builder().no_proxy().tls_certs_only([]).timeout(timeout).build()?)
}
