//! A real NATS server with JetStream, which can be killed, and comes back at the same address with what it had stored.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use async_nats::HeaderMap;
use reqwest::Client;
use serde_json::Value;
use tokio::process::Child;

use super::{family::Family, folder::Folder, ports::Ports};
use crate::patience::{until, within};

/// With some thousand events in its store, on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(20);

const PUBLISHED_WITHIN: Duration = Duration::from_secs(10);

pub struct Nats {
    arguments: Vec<String>,
    address: SocketAddr,
    monitoring: SocketAddr,
    log: PathBuf,
    family: Arc<Family>,
    client: Client,
    child: Option<Child>,
}

impl Nats {
    /// Not yet started.
    ///
    /// It is not told to write each message through: what a killed process has written the system still has, and only a
    /// machine that goes down would lose it.
    pub fn new(family: Arc<Family>, ports: &mut Ports, folder: &Folder) -> anyhow::Result<Self> {
        let (address, monitoring) = (ports.take()?, ports.take()?);
        let mut arguments = ["--jetstream", "--addr", "127.0.0.1"].map(str::to_owned).to_vec();
        arguments.extend(["--port".to_owned(), address.port().to_string()]);
        arguments.extend(["--http_port".to_owned(), monitoring.port().to_string()]);
        arguments.extend(["--store_dir".to_owned(), folder.path().join("nats").display().to_string()]);
        let client = super::client(Duration::from_secs(2))?;
        Ok(Self { arguments, address, monitoring, log: folder.log("nats"), family, client, child: None })
    }

    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Returns when it has read its store.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let mut command = self.family.member("nats-server", &self.log)?;
        let started = command.args(&self.arguments).spawn();
        self.child = Some(started.context("NATS is needed, and `nats-server` on the PATH does not start")?);
        until("NATS is healthy", START_LIMIT, async || self.is_healthy().await).await?;
        Ok(())
    }

    /// Of its process. Errors: it does not run.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.as_ref().and_then(Child::id).context("NATS does not run")
    }

    /// At once, as a crash would.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("NATS does not run")?;
        child.kill().await.context("NATS does not end")
    }

    /// What it has in store. Errors: it does not answer.
    pub async fn store(&self) -> anyhow::Result<Store> {
        let url = format!("http://{}/jsz?accounts=true&streams=true&consumers=true", self.monitoring);
        Ok(Store(self.client.get(url).send().await?.error_for_status()?.json().await?))
    }

    /// As whoever may publish could. Errors: it is in no stream.
    pub async fn publish(&self, subject: String, headers: HeaderMap, data: &'static [u8]) -> anyhow::Result<()> {
        let publish = async {
            let stream = async_nats::jetstream::new(async_nats::connect(self.url()).await?);
            stream.publish_with_headers(subject, headers, data.into()).await?.await?;
            Ok(())
        };
        within(PUBLISHED_WITHIN, publish).await.context("nothing can be published")
    }

    async fn is_healthy(&self) -> bool {
        let answer = self.client.get(format!("http://{}/healthz", self.monitoring)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }
}

/// Its own report: <https://docs.nats.io/running-a-nats-service/nats_admin/monitoring#jetstream-information-jsz>.
#[derive(Debug)]
pub struct Store(Value);

impl Store {
    /// How many events were ever set aside; what becomes of them later is another question.
    pub fn set_aside(&self) -> u64 {
        self.streams("dead_letters").filter_map(|stream| stream["state"]["last_seq"].as_u64()).sum()
    }

    /// How often an event was handed to a consumer, over all of them.
    pub fn deliveries(&self) -> u64 {
        self.consumers().filter_map(|consumer| consumer["delivered"]["consumer_seq"].as_u64()).sum()
    }

    /// How many events consumers have not yet been handed, or not yet said to have handled.
    pub fn unhandled(&self) -> u64 {
        let of_each = |consumer: &Value| {
            let count = |field: &str| consumer[field].as_u64().unwrap_or(0);
            count("num_pending") + count("num_ack_pending")
        };
        self.consumers().map(of_each).sum()
    }

    fn consumers(&self) -> impl Iterator<Item = &Value> {
        self.streams("events").filter_map(|stream| stream["consumer_detail"].as_array()).flatten()
    }

    fn streams(&self, name: &'static str) -> impl Iterator<Item = &Value> {
        let accounts = self.0["account_details"].as_array().into_iter().flatten();
        let streams = accounts.filter_map(|account| account["stream_detail"].as_array()).flatten();
        streams.filter(move |stream| stream["name"] == name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_report_tells_what_is_stored_and_what_is_not_handled() {
        let consumer = |seq: u64, pending: u64, unacknowledged: u64| json!({ "delivered": { "consumer_seq": seq }, "num_pending": pending, "num_ack_pending": unacknowledged });
        let events = json!({ "name": "events", "consumer_detail": [consumer(5, 1, 0), consumer(6, 0, 2)] });
        let dead_letters = json!({
            "name": "dead_letters",
            "state": { "messages": 2, "last_seq": 4 },
            "consumer_detail": [consumer(7, 1, 1)],
        });
        let accounts = json!([{ "name": "$G" }, { "stream_detail": [events, dead_letters] }]);
        let store = Store(json!({ "account_details": accounts }));
        assert_eq!((store.deliveries(), store.unhandled(), store.set_aside()), (11, 3, 4));
    }
}
