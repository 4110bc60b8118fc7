//! The configuration that Prometheus is deployed with, adapted to a drill: it asks another Consul, and more often, and finds
//! elsewhere who is not in Consul.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::cluster::Folder;

const DEPLOYED: &str = "deploy/prometheus";

/// As in that configuration.
const CONSUL: &str = "consul:8500";

/// A drill's Consul asks for none, and old versions of Prometheus know only another way to show one.
const TOKEN: &str = "authorization:";

/// A drill has no name server that knows them.
const BY_NAME: &str = "dns_sd_configs:";

/// Each is a second in a drill.
const INTERVALS: [&str; 5] =
    ["scrape_interval:", "scrape_timeout:", "evaluation_interval:", "refresh_interval:", "interval:"];

/// Where things are in a drill.
pub struct Places {
    pub consul: SocketAddr,
    /// The operations ports of those who are found by name elsewhere.
    pub payments: Vec<SocketAddr>,
}

/// Returns where the copy of `prometheus.yml` is; the rules lie beside it.
pub fn copy(root: &Path, folder: &Folder, places: &Places) -> anyhow::Result<PathBuf> {
    let copy = folder.path().join("prometheus");
    for subfolder in ["", "rules"] {
        let (from, to) = (root.join(DEPLOYED).join(subfolder), copy.join(subfolder));
        copy_folder(&from, &to, places).with_context(|| format!("{} cannot be copied", from.display()))?;
    }
    Ok(copy.join("prometheus.yml"))
}

fn copy_folder(from: &Path, to: &Path, places: &Places) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "yml") {
            fs::write(to.join(entry.file_name()), places.adapt(&fs::read_to_string(entry.path())?))?;
        }
    }
    Ok(())
}

impl Places {
    fn adapt(&self, text: &str) -> String {
        let (mut adapted, mut left_out) = (String::new(), None);
        for line in text.lines().filter(|line| !line.trim_start().starts_with(TOKEN)) {
            let depth = line.len() - line.trim_start().len();
            // What stands deeper belongs to what was left out.
            left_out = left_out.filter(|outer| depth > *outer || line.is_empty());
            if left_out.is_some() {
                continue;
            }
            adapted += &match line.trim_start().starts_with(BY_NAME) {
                true => {
                    left_out = Some(depth);
                    format!("{:depth$}static_configs: [{{ targets: {:?} }}]", "", self.targets())
                }
                false => shortened(line).unwrap_or_else(|| line.replace(CONSUL, &self.consul.to_string())),
            };
            adapted.push('\n');
        }
        adapted
    }

    fn targets(&self) -> Vec<String> {
        self.payments.iter().map(SocketAddr::to_string).collect()
    }
}

/// Nothing where the line sets no interval.
fn shortened(line: &str) -> Option<String> {
    let interval = INTERVALS.iter().find(|interval| line.trim_start_matches([' ', '-']).starts_with(**interval))?;
    let (before, _) = line.split_once(interval)?;
    Some(format!("{before}{interval} 1s"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_intervals_the_address_of_consul_its_token_and_those_found_by_name_are_others() {
        let text = "\
global:
  scrape_interval: 5s # soon
groups:
  - interval: 30s
    for: 1m
  - server: consul:8500
    authorization: { credentials_file: token }
  - job_name: payments
    dns_sd_configs:
      - names: [payments]

        refresh_interval: 5s
    relabel_configs: []
";
        let expected = "\
global:
  scrape_interval: 1s
groups:
  - interval: 1s
    for: 1m
  - server: 127.0.0.1:20001
  - job_name: payments
    static_configs: [{ targets: [\"127.0.0.1:20002\", \"127.0.0.1:20003\"] }]
    relabel_configs: []
";
        let [consul, one, other] = [20001, 20002, 20003].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(Places { consul, payments: vec![one, other] }.adapt(text), expected);
    }
}
