//! A real Consul agent, which forgets everything when it is stopped.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use rcgen::KeyPair;
use reqwest::Client;
use serde_json::{Value, json};
use tokio::process::Child;

use super::{family::Family, folder::Folder, instance::Instance, ports::Ports};
use crate::patience::until;

const START_LIMIT: Duration = Duration::from_secs(20);

pub struct Agent {
    arguments: Vec<String>,
    address: SocketAddr,
    log: PathBuf,
    family: Arc<Family>,
    client: Client,
    child: Option<Child>,
}

impl Agent {
    /// Not yet started.
    pub fn new(family: Arc<Family>, ports: &mut Ports, folder: &Folder) -> anyhow::Result<Self> {
        let address = ports.take()?;
        let mut arguments: Vec<_> = ["agent", "-dev", "-client=127.0.0.1", "-bind=127.0.0.1", "-log-level=err"]
            .into_iter()
            .chain(["-node=drill", "-dns-port=-1", "-grpc-port=-1", "-hcl=disable_update_check = true"])
            .map(str::to_owned)
            .collect();
        arguments.push(format!("-http-port={}", address.port()));
        for option in ["-server-port", "-serf-lan-port", "-serf-wan-port"] {
            arguments.push(format!("{option}={}", ports.take()?.port()));
        }
        let client = super::client(Duration::from_secs(2))?;
        Ok(Self { arguments, address, log: folder.log("consul"), family, client, child: None })
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns when it has a leader: before that it answers every question with an error.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let mut command = self.family.member("consul", &self.log)?;
        self.child = Some(command.args(&self.arguments).spawn().context("consul does not start")?);
        until("Consul has a leader", START_LIMIT, async || self.has_leader().await).await?;
        Ok(())
    }

    /// Of its process. Errors: it does not run.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.as_ref().and_then(Child::id).context("Consul does not run")
    }

    /// At once, as a crash would.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("Consul does not run")?;
        child.kill().await.context("Consul does not end")
    }

    /// The instances that Consul takes for healthy. Errors: it does not answer.
    pub async fn passing(&self, service: &str) -> anyhow::Result<BTreeSet<SocketAddr>> {
        let answer = self.ask(&format!("/v1/health/service/{service}?passing")).await?;
        let entries = answer.as_array().context("Consul's answer is no list")?;
        entries.iter().map(|entry| read_address(&entry["Service"])).collect()
    }

    /// What the instances of a service are called that Consul takes for healthy.
    pub async fn ids(&self, service: &str) -> anyhow::Result<BTreeSet<String>> {
        let answer = self.ask(&format!("/v1/health/service/{service}?passing")).await?;
        let ids = answer.as_array().into_iter().flatten().filter_map(|entry| entry["Service"]["ID"].as_str());
        Ok(ids.map(str::to_owned).collect())
    }

    /// Changes a setting of every instance of a service, which is running.
    pub async fn put(&self, key: &str, value: &str) -> anyhow::Result<()> {
        let url = format!("{}/v1/kv/{key}", self.url());
        self.client.put(url).body(value.to_owned()).send().await?.error_for_status()?;
        Ok(())
    }

    /// What a service proves itself with: its certificate and its key.
    pub async fn leaf(&self, service: &str) -> anyhow::Result<[String; 2]> {
        let leaf = self.ask(&format!("/v1/agent/connect/ca/leaf/{service}")).await?;
        let text =
            |field: &str| leaf[field].as_str().map(str::to_owned).with_context(|| format!("a leaf has a {field}"));
        Ok([text("CertPEM")?, text("PrivateKeyPEM")?])
    }

    /// Gives the authority another key, and so another root.
    pub async fn replace_root(&self) -> anyhow::Result<()> {
        let key = KeyPair::generate()?.serialize_pem();
        let configuration = json!({ "Provider": "consul", "Config": { "PrivateKey": key } });
        let url = format!("{}/v1/connect/ca/configuration", self.url());
        self.client.put(url).json(&configuration).send().await?.error_for_status()?;
        Ok(())
    }

    pub async fn lists(&self, instance: &Instance) -> bool {
        let passing = self.passing(instance.service().name()).await;
        passing.is_ok_and(|passing| passing.contains(&instance.registered_at()))
    }

    /// Waits until Consul takes all of them for healthy; tells how long that took.
    pub async fn list_all(&self, instances: &[&Instance], limit: Duration) -> anyhow::Result<Duration> {
        let began = Instant::now();
        for instance in instances {
            let what = format!("Consul lists {}", instance.name());
            until(&what, limit.saturating_sub(began.elapsed()), async || self.lists(instance).await).await?;
        }
        Ok(began.elapsed())
    }

    async fn has_leader(&self) -> bool {
        self.ask("/v1/status/leader").await.is_ok_and(|leader| leader.as_str().is_some_and(|it| !it.is_empty()))
    }

    async fn ask(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.client.get(format!("{}{path}", self.url())).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}

fn read_address(service: &Value) -> anyhow::Result<SocketAddr> {
    let host = service["Address"].as_str().context("a service in Consul has an address")?;
    let address = format!("{host}:{}", service["Port"]);
    address.parse().with_context(|| format!("{address} is no address"))
}
