//! What it is measured on, and with.

use std::{env, fmt, fs, process::Command};

use anyhow::Context;

use super::shop::Shop;

pub struct Machine {
    cores: usize,
    processor: String,
    gibibytes: f64,
    kernel: String,
    versions: Vec<String>,
    command: String,
}

/// What says its version in the first line of its answer.
const PROGRAMS: [(&str, &str); 4] =
    [("rustc", "--version"), ("consul", "version"), ("nats-server", "--version"), ("rotel-agent", "--version")];

impl Machine {
    pub async fn look(shop: &Shop<'_>) -> anyhow::Result<Self> {
        let (processors, memory) = (fs::read_to_string("/proc/cpuinfo")?, fs::read_to_string("/proc/meminfo")?);
        let kibibytes = field(&memory, "MemTotal").and_then(|it| it.split_whitespace().next()?.parse::<f64>().ok());
        let mut database = shop.cluster.postgres.connect_to_orders().await?;
        let postgres: String = sqlx::query_scalar("show server_version").fetch_one(&mut database).await?;
        let versions = PROGRAMS.iter().filter_map(|(program, argument)| version(program, argument));
        Ok(Self {
            cores: std::thread::available_parallelism()?.get(),
            processor: field(&processors, "model name").unwrap_or("processors without a name").to_owned(),
            gibibytes: kibibytes.context("/proc/meminfo tells all memory")? / 1024.0 / 1024.0,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            versions: versions.chain([format!("PostgreSQL {postgres}")]).collect(),
            command: env::args().skip(1).collect::<Vec<_>>().join(" "),
        })
    }
}

/// In lines of `name : value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.find(|(field, _)| field.trim() == name).map(|(_, value)| value.trim())
}

fn version(program: &str, argument: &str) -> Option<String> {
    let output = Command::new(program).arg(argument).output().ok()?;
    let line = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    let names_itself = line.to_lowercase().contains(program.split('-').next().unwrap_or(program));
    Some(if names_itself { line } else { format!("{program} {line}") })
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cores, processor, gibibytes, kernel, versions, command } = self;
        writeln!(f, "{cores} cores of {processor}, {gibibytes:.0} GiB, Linux {kernel}")?;
        writeln!(f, "{}", versions.join("; "))?;
        writeln!(f, "cargo xtask {command}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_name() {
        assert_eq!(field("processor\t: 0\nmodel name\t: Fast: 3 GHz\n", "model name"), Some("Fast: 3 GHz"));
        assert_eq!(field("", "model name"), None);
    }
}
