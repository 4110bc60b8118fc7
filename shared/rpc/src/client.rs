//! The way to other services: one channel each, over all instances that are there.

mod attempt;
mod balancer;
mod budget;
mod channel;
mod connection;
mod endpoint;
mod held;
mod instruments;
mod load;
mod policy;

use std::sync::Arc;

use clap::{Args, value_parser};
use discovery::{Live, Peer, Registry};
use identity::{Mesh, mesh::Protocol};
use tokio::sync::watch;

use self::{balancer::Balancer, budget::Limits, policy::Tuning};
pub use self::{channel::Channel, policy::Policy};
use crate::methods::Methods;

/// How a process calls others.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct ClientConfig {
    /// How calls are spread over the instances of a service
    #[arg(long, env, default_value = "peak-ewma")]
    pub balance_policy: Policy,

    /// How many retries a hundred calls allow
    #[arg(long, env, default_value = "20", value_parser = value_parser!(u32).range(..=1000))]
    pub retry_percent: u32,

    /// How many retries a second are allowed besides
    #[arg(long, env, default_value = "10", value_parser = value_parser!(u32).range(..=1000))]
    pub retry_min_per_s: u32,
}

impl Default for ClientConfig {
    /// What the settings say where nothing is set.
    fn default() -> Self {
        Self { balance_policy: Policy::PeakEwma, retry_percent: 20, retry_min_per_s: 10 }
    }
}

/// Opens channels.
#[derive(Clone)]
pub struct Client {
    registry: Registry,
    mesh: Mesh,
    methods: Arc<Methods>,
    tuning: watch::Sender<Tuning>,
}

impl Client {
    /// For calls in the name of the process of this `mesh`, of the contracts that `descriptors`, an encoded `FileDescriptorSet`, describes: it says which calls may
    /// be repeated (`option idempotency_level`) and which are streams.
    ///
    /// Errors: the descriptors cannot be read.
    pub fn new(config: &ClientConfig, registry: Registry, mesh: Mesh, descriptors: &[u8]) -> anyhow::Result<Self> {
        let tuning = watch::Sender::new(Tuning::of(config));
        Ok(Self { registry, mesh, methods: Arc::new(Methods::read(descriptors)?), tuning })
    }

    /// Takes `balance_policy`, `retry_percent` and `retry_min_per_s` from here from now on, where they are set.
    pub fn follow(&self, live: &Live) {
        let config = *self.tuning.borrow();
        let tuning = self.tuning.clone();
        live.follow("balance_policy", move |text| {
            let policy = text.map_or(Ok(config.policy), str::parse)?;
            tuning.send_modify(|tuning| tuning.policy = policy);
            Ok::<_, policy::UnknownPolicy>(())
        });
        self.follow_limit(live, "retry_percent", config.limits.percent, |limits| &mut limits.percent);
        self.follow_limit(live, "retry_min_per_s", config.limits.min_per_s, |limits| &mut limits.min_per_s);
    }

    fn follow_limit(&self, live: &Live, name: &'static str, otherwise: u32, limit: fn(&mut Limits) -> &mut u32) {
        let tuning = self.tuning.clone();
        live.follow(name, move |text| {
            let value = text.map_or(Ok(otherwise), budget::limit)?;
            tuning.send_modify(|tuning| *limit(&mut tuning.limits) = value);
            Ok::<_, &str>(())
        });
    }

    /// A channel to this service, which is found by way of this peer. It connects to every instance in the background, and to those that come later.
    ///
    /// Errors: the peer is a service's name, and there is no registry to ask.
    pub fn channel(&self, service: &str, peer: &Peer) -> anyhow::Result<Channel> {
        let instances = self.registry.watch(peer)?;
        let connector = self.mesh.connector(service, Protocol::Http2);
        let balancer = Balancer::new(peer, connector, self.tuning.subscribe());
        Ok(Channel::open(balancer, instances, self.methods.clone()))
    }
}
