//! The configuration that Prometheus is deployed with, adapted to a drill: it asks another Consul, and more often.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;

use crate::drill::cluster::Folder;

const DEPLOYED: &str = "deploy/prometheus";

/// As in that configuration.
const CONSUL: &str = "consul:8500";

/// A drill's Consul asks for none, and old versions of Prometheus know only another way to show one.
const TOKEN: &str = "authorization:";

/// Each is a second in a drill.
const INTERVALS: [&str; 5] =
    ["scrape_interval:", "scrape_timeout:", "evaluation_interval:", "refresh_interval:", "interval:"];

/// Returns where the copy of `prometheus.yml` is; the rules lie beside it.
pub fn copy(root: &Path, folder: &Folder, consul: &str) -> anyhow::Result<PathBuf> {
    let copy = folder.path().join("prometheus");
    for subfolder in ["", "rules"] {
        let (from, to) = (root.join(DEPLOYED).join(subfolder), copy.join(subfolder));
        copy_folder(&from, &to, consul).with_context(|| format!("{} cannot be copied", from.display()))?;
    }
    Ok(copy.join("prometheus.yml"))
}

fn copy_folder(from: &Path, to: &Path, consul: &str) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|extension| extension == "yml") {
            fs::write(to.join(entry.file_name()), adapted(&fs::read_to_string(entry.path())?, consul))?;
        }
    }
    Ok(())
}

fn adapted(text: &str, consul: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(TOKEN));
    lines.map(|line| shortened(line).unwrap_or_else(|| line.replace(CONSUL, consul)) + "\n").collect()
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
    fn only_intervals_the_address_of_consul_and_its_token_are_others() {
        let text = "global:\n  scrape_interval: 5s # soon\ngroups:\n  - interval: 30s\n    for: 1m\n  - server: consul:8500\n    \
                    authorization: { credentials_file: token }\n";
        let expected =
            "global:\n  scrape_interval: 1s\ngroups:\n  - interval: 1s\n    for: 1m\n  - server: 127.0.0.1:20001\n";
        assert_eq!(adapted(text, "127.0.0.1:20001"), expected);
    }
}
