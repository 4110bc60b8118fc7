//! The load tests work: every scenario, through both gateways, at a rate and one after the other, and a threshold that
//! cannot be kept. How fast the system is, is not asked here.

use std::{fs, process::Output};

use anyhow::{Context, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::report::figure;
use crate::{
    cluster::{Cluster, Folder, Instance},
    programs::Programs,
};

const SCENARIOS: [&str; 8] =
    ["browse", "order", "history", "mixed", "get-user", "get-order", "list-orders", "place-order"];

/// Only that nothing fails, on a machine of any speed.
const NOTHING_FAILS: &str = "errors = 0.0\n";

const AT_A_RATE: [&str; 2] = ["--rate", "10"];
const AT_A_TIME: [&str; 2] = ["--closed", "8"];

const CANNOT_BE_KEPT: &str = "[browse]\np50 = 0.001\n";

pub async fn run(cluster: &Cluster, programs: &Programs, folder: &Folder) -> anyhow::Result<()> {
    let thresholds: String = SCENARIOS.map(|scenario| format!("[{scenario}]\n{NOTHING_FAILS}")).concat();
    let load = Load { cluster, programs, folder };
    for scenario in SCENARIOS {
        let report = load.passes(scenario, AT_A_RATE, &thresholds).await?;
        let (iterations, latencies) = (count(&report["iterations"]), &report["latency_ms"]);
        ensure!(iterations > 0, "{scenario}: nobody came");
        figure(
            scenario,
            format_args!("0 of {iterations} failed, p50 {} ms, p99 {} ms", latencies["p50"], latencies["p99"]),
        );
    }
    ensure!(load.read("html")?.contains("<svg"), "the page has no chart");
    load.mixes(&thresholds).await?;
    let output = load.run("browse", AT_A_RATE, CANNOT_BE_KEPT).await?;
    figure("a threshold that cannot be kept", format_args!("code {:?}", output.status.code()));
    ensure!(output.status.code() == Some(1), "it was kept: {}", output.status);
    Ok(())
}

struct Load<'a> {
    cluster: &'a Cluster,
    programs: &'a Programs,
    folder: &'a Folder,
}

impl Load<'_> {
    /// One customer of ten orders, though that takes longer than to read.
    async fn mixes(&self, thresholds: &str) -> anyhow::Result<()> {
        let report = self.passes("mixed", AT_A_TIME, thresholds).await?;
        let (iterations, orders) = (count(&report["iterations"]), count(&report["calls"]["place an order"]["count"]));
        figure("mixed, eight at a time", format_args!("{orders} of {iterations} ordered"));
        ensure!(orders > 0 && orders == iterations.div_ceil(10), "that is not one of ten");
        Ok(())
    }

    /// Its report.
    async fn passes(&self, scenario: &str, pace: [&str; 2], thresholds: &str) -> anyhow::Result<Value> {
        let output = self.run(scenario, pace, thresholds).await?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{scenario}: {}\n{said}", output.status);
        Ok(serde_json::from_str(&self.read("json")?)?)
    }

    async fn run(&self, scenario: &str, pace: [&str; 2], thresholds: &str) -> anyhow::Result<Output> {
        let file = |name: &str| self.folder.path().join(format!("load.{name}"));
        fs::write(file("toml"), thresholds)?;
        let mut command = Command::new(self.programs.path("load"));
        for gateway in self.cluster.gateways.iter().map(Instance::address) {
            command.args(["--target", &format!("http://{gateway}")]);
        }
        command.args(pace);
        command.args(["--scenario", scenario, "--duration", "4", "--warm-up", "0", "--customers", "2"]);
        for name in ["json", "html"] {
            command.arg(format!("--{name}")).arg(file(name));
        }
        command.arg("--thresholds").arg(file("toml"));
        command.kill_on_drop(true).output().await.context("load does not run")
    }

    fn read(&self, name: &str) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.folder.path().join(format!("load.{name}")))?)
    }
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}
