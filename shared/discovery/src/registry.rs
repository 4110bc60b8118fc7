//! The registry: who is there, and that we are.

use std::{
    collections::HashMap,
    future::ready,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::bail;
use http::uri::Authority;
use lifecycle::Process;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    Certificates, Config, HttpInstances, Instance, Instances, Peer, Registration,
    agent::Agent,
    dns,
    in_process::InProcess,
    instance::Known,
    live::{Live, Values},
};

/// Finds instances and lets others find ours: through Consul, or within this process.
///
/// What it watches it watches until the last copy of it is dropped.
#[derive(Clone)]
pub struct Registry {
    kind: Kind,
    watched: Arc<Mutex<HashMap<Peer, watch::Receiver<Known>>>>,
    tasks: CancellationToken,
    _guard: Arc<DropGuard>,
}

#[derive(Clone)]
enum Kind {
    Consul(Agent),
    InProcess(InProcess),
    /// Only addresses and names are known.
    Nothing,
}

impl Registry {
    /// The Consul agent that the settings name; without one, peers are found by address and by name only.
    ///
    /// Errors: the settings of the agent make no client: a certificate that cannot be read.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let agent = Agent::of(config)?;
        Ok(Self::of(agent.map_or(Kind::Nothing, Kind::Consul)))
    }

    /// For services that share a process.
    pub fn in_process() -> Self {
        Self::of(Kind::InProcess(InProcess::default()))
    }

    fn of(kind: Kind) -> Self {
        let tasks = CancellationToken::new();
        Self { kind, watched: Arc::default(), _guard: Arc::new(tasks.clone().drop_guard()), tasks }
    }

    /// The instances of a peer. Returns at once: nobody has to be there yet.
    ///
    /// Errors: the peer is a service's name, and there is no registry to ask.
    pub fn watch(&self, peer: &Peer) -> anyhow::Result<Instances> {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = watched.get(peer) {
            return Ok(Instances::new(known.clone()));
        }
        let known = match (peer, &self.kind) {
            (Peer::Address(authority), _) => return Ok(Instances::fixed([Instance::at(authority.clone())])),
            (Peer::Name(authority), _) => self.look_up(authority.clone()),
            (Peer::Service(name), Kind::Consul(agent)) => self.ask(agent.clone(), name.clone()),
            (Peer::Service(name), Kind::InProcess(registry)) => registry.watch(name),
            (Peer::Service(_), Kind::Nothing) => bail!("{peer} needs a CONSUL_URL"),
        };
        watched.insert(peer.clone(), known.clone());
        Ok(Instances::new(known))
    }

    fn look_up(&self, authority: Authority) -> watch::Receiver<Known> {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(self.tasks.clone().run_until_cancelled_owned(dns::look_up(authority, sender)));
        receiver
    }

    fn ask(&self, agent: Agent, service: String) -> watch::Receiver<Known> {
        let (sender, receiver) = watch::channel(None);
        tokio::spawn(self.tasks.clone().run_until_cancelled_owned(async move { agent.watch(&service, sender).await }));
        receiver
    }

    /// Makes the process a part of the system: others find it while it is ready, and its operations port tells how the
    /// registry is.
    pub fn join(&self, process: &mut Process, registration: Registration) {
        let (told, found) = (self.clone(), self.clone());
        process.health.describe("registry", move || ready(told.report()));
        process.while_ready(async move |leaving| found.register(registration, leaving).await);
    }

    /// Lets others find this instance until `leaving`; returns when they no longer do. A registry that is away is tried
    /// again and again; one that has forgotten the instance is told anew.
    pub async fn register(&self, registration: Registration, leaving: CancellationToken) {
        match &self.kind {
            Kind::Consul(agent) => agent.register(&registration, leaving).await,
            Kind::InProcess(registry) => registry.register(&registration, leaving).await,
            Kind::Nothing => {}
        }
    }

    /// The settings of a service that can be changed while it runs. Without Consul they never do.
    pub fn live(&self, service: &str) -> Live {
        let (sender, receiver) = watch::channel(Values::default());
        if let Kind::Consul(agent) = &self.kind {
            let (agent, service) = (agent.clone(), service.to_owned());
            let watch = async move { agent.watch_settings(&service, sender).await };
            tokio::spawn(self.tasks.clone().run_until_cancelled_owned(watch));
        }
        Live::new(service, receiver, self.tasks.clone())
    }

    /// What a service proves itself with, from Consul's authority: `None` until it has answered, and a new one whenever
    /// the certificate is renewed or another authority is to be believed.
    ///
    /// Errors: there is no Consul to ask.
    pub fn certificates(&self, service: &str) -> anyhow::Result<watch::Receiver<Option<Certificates>>> {
        let Kind::Consul(agent) = &self.kind else { bail!("certificates by Consul need a CONSUL_URL") };
        let (sender, receiver) = watch::channel(None);
        let (agent, service) = (agent.clone(), service.to_owned());
        let certify = async move { agent.certify(&service, sender).await };
        tokio::spawn(self.tasks.clone().run_until_cancelled_owned(certify));
        Ok(receiver)
    }

    /// Where a peer's instances speak HTTP.
    ///
    /// Errors: as [`watch`](Self::watch).
    pub fn watch_http(&self, peer: &Peer) -> anyhow::Result<HttpInstances> {
        Ok(HttpInstances::of(self.watch(peer)?))
    }

    /// What is known and how fresh it is, one line each, for `/readyz?verbose`.
    ///
    /// Errors: the registry does not answer.
    pub fn report(&self) -> Result<String, String> {
        match &self.kind {
            Kind::Consul(agent) => agent.report(),
            Kind::InProcess(_) => Ok("within this process".to_owned()),
            Kind::Nothing => Ok("none".to_owned()),
        }
    }
}
