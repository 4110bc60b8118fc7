//! A real Prometheus, with a configuration of the repository's own, and the answers that it has.

use std::{collections::BTreeMap, fs, net::SocketAddr, path::Path, time::Duration};

use anyhow::{Context, bail, ensure};
use reqwest::Client;
use serde_json::Value;
use tokio::process::Child;

use super::{Cluster, Folder};
use crate::patience::until;

const START_LIMIT: Duration = Duration::from_secs(20);

/// Longer than any answer takes.
const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Prometheus {
    address: SocketAddr,
    client: Client,
    _child: Child,
}

/// Whom it scrapes.
pub struct Target {
    pub job: String,
    pub instance: String,
    pub is_up: bool,
    /// Why not.
    pub error: String,
}

/// What it knows of one series now.
pub struct Series {
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

impl Prometheus {
    /// Returns when it answers.
    ///
    /// Errors: it is not installed, or refuses its configuration: newer ones of Debian's are built without Consul.
    pub async fn start(
        cluster: &Cluster,
        folder: &Folder,
        address: SocketAddr,
        configuration: &Path,
    ) -> anyhow::Result<Self> {
        let log = folder.log("prometheus");
        let mut command = cluster.family.member("prometheus", &log)?;
        command.arg(format!("--config.file={}", configuration.display()));
        command.arg(format!("--storage.tsdb.path={}", folder.path().join("prometheus-data").display()));
        command.arg(format!("--web.listen-address={address}")).arg("--log.level=warn");
        let mut child = command.spawn().context("this drill needs Prometheus, and there is none on the PATH")?;
        let client = super::client(TIMEOUT)?;
        let url = format!("http://{address}/-/ready");
        let mut ended = None;
        until("Prometheus is ready", START_LIMIT, async || {
            ended = child.try_wait().ok().flatten();
            ended.is_some() || client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success())
        })
        .await?;
        match ended {
            Some(status) => bail!("Prometheus has ended: {status}: {}", fs::read_to_string(&log)?.trim_end()),
            None => Ok(Self { address, client, _child: child }),
        }
    }

    pub async fn targets(&self) -> anyhow::Result<Vec<Target>> {
        let targets = self.ask("targets", &[("state", "active")]).await?;
        Ok(targets["activeTargets"].as_array().context("no list of targets")?.iter().map(target).collect())
    }

    /// What an expression gives now. Errors: it is no expression.
    pub async fn query(&self, expression: &str) -> anyhow::Result<Vec<Series>> {
        let data = self.ask("query", &[("query", expression)]).await?;
        match data["resultType"].as_str() {
            Some("scalar") => Ok(vec![Series { labels: BTreeMap::new(), value: value(&data["result"])? }]),
            _ => data["result"].as_array().context("no vector")?.iter().map(series).collect(),
        }
    }

    /// The labels of every series that a selector picks, however old.
    pub async fn labels(&self, selector: &str) -> anyhow::Result<Vec<BTreeMap<String, String>>> {
        Ok(serde_json::from_value(self.ask("series", &[("match[]", selector)]).await?)?)
    }

    /// What its API has at this path: <https://prometheus.io/docs/prometheus/latest/querying/api/>.
    pub async fn ask(&self, path: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Value> {
        let url = format!("http://{}/api/v1/{path}", self.address);
        let mut answer: Value = self.client.get(url).query(parameters).send().await?.json().await?;
        ensure!(answer["status"] == "success", "{path}: {}", answer["error"]);
        Ok(answer["data"].take())
    }
}

fn target(answer: &Value) -> Target {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Target {
        job: text(&answer["labels"]["job"]),
        instance: text(&answer["labels"]["instance"]),
        is_up: answer["health"] == "up",
        error: text(&answer["lastError"]),
    }
}

fn series(result: &Value) -> anyhow::Result<Series> {
    let labels = serde_json::from_value(result["metric"].clone())?;
    Ok(Series { labels, value: value(&result["value"])? })
}

/// The second of a pair, after its time.
fn value(sample: &Value) -> anyhow::Result<f64> {
    sample[1].as_str().and_then(|value| value.parse().ok()).with_context(|| format!("{sample} is no sample"))
}
