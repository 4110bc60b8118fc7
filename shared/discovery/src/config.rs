//! The settings of discovery.

use std::{path::PathBuf, str::FromStr};

use clap::{Args, value_parser};
use reqwest::Url;
use settings::Secret;
use thiserror::Error;

/// Which registry a process uses, and how it wants to be found.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// The Consul agent that this instance registers with, and asks for the others; none without it
    #[arg(long, env, value_parser = agent_url)]
    pub consul_url: Option<Url>,

    /// Its ACL token; CONSUL_TOKEN_FILE names a file instead
    #[arg(long, env, hide_env_values = true)]
    pub consul_token: Option<Secret>,

    /// The certificates, in PEM, of the only authorities that may vouch for an https:// agent
    #[arg(long, env)]
    pub consul_ca_file: Option<PathBuf>,

    /// The datacenter that the others are looked for in; the agent's own without it
    #[arg(long, env)]
    pub consul_datacenter: Option<String>,

    /// Seconds between the agent's looks at this instance's /readyz
    #[arg(long, env, default_value = "2", value_parser = value_parser!(u64).range(1..))]
    pub consul_check_interval_s: u64,

    /// Where others reach this instance, as HOST or HOST:PORT; the address and port that it listens on without it
    #[arg(long, env)]
    pub advertise_address: Option<Advertise>,

    /// The zone that this instance runs in, told to whoever looks at the registry
    #[arg(long, env)]
    pub zone: Option<String>,
}

impl Default for Config {
    /// What the settings say where nothing is set: no registry.
    fn default() -> Self {
        Self {
            consul_url: None,
            consul_token: None,
            consul_ca_file: None,
            consul_datacenter: None,
            consul_check_interval_s: 2,
            advertise_address: None,
            zone: None,
        }
    }
}

/// The URL of an agent: `http://…` or `https://…`.
///
/// Errors: it is none; the text is for whoever set it.
pub fn agent_url(text: &str) -> Result<Url, String> {
    let url: Option<Url> = text.parse().ok();
    url.filter(|url| matches!(url.scheme(), "http" | "https")).ok_or("an agent is at http://… or https://…".to_owned())
}

/// A host that others reach us at, and perhaps the port that they see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertise {
    /// A name or an IP address; an IPv6 address without brackets.
    pub host: String,
    /// The port, where it is not the one that we listen on.
    pub port: Option<u16>,
}

/// A text that is no such address.
#[derive(Debug, Error)]
#[error("an address to be reached at is HOST or HOST:PORT; an IPv6 address with a port is in brackets")]
pub struct AdvertiseError;

impl FromStr for Advertise {
    type Err = AdvertiseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
            _ => (text, None),
        };
        let port = port.map(str::parse).transpose().map_err(|_| AdvertiseError)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let fit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
        let good = !host.is_empty() && host.bytes().all(fit) && port != Some(0);
        good.then(|| Self { host: host.to_owned(), port }).ok_or(AdvertiseError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(String, Option<u16>)> {
        text.parse().ok().map(|Advertise { host, port }| (host, port))
    }

    #[test]
    fn one_is_reached_at_a_host_and_perhaps_another_port() {
        for (text, host, port) in [
            ("users-1", "users-1", None),
            ("10.0.0.7:8080", "10.0.0.7", Some(8080)),
            ("fe80::1", "fe80::1", None),
            ("[fe80::1]:8080", "fe80::1", Some(8080)),
            ("[fe80::1]", "fe80::1", None),
        ] {
            assert_eq!(parsed(text), Some((host.to_owned(), port)), "{text}");
        }
    }

    #[test]
    fn an_agent_speaks_http() {
        assert!(agent_url("http://consul:8500").is_ok() && agent_url("https://consul:8501").is_ok());
        for nonsense in ["", "localhost:8500", "consul", "ftp://consul:8500"] {
            assert!(agent_url(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn anything_else_is_nowhere() {
        for nonsense in ["", ":8080", "users:", "users:0", "users:99999", "users:http", "http://users", "a b", "a/b"] {
            assert_eq!(parsed(nonsense), None, "{nonsense}");
        }
    }
}
