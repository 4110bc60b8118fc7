//! The settings of the public port.

use std::path::{Path, PathBuf};

use clap::{Args, value_parser};
use ipnet::IpNet;

use crate::client_address::network;

/// Whom the public port lets in, and how it proves itself.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct EdgeConfig {
    /// How many connections may be open at once; more are closed at once
    #[arg(long, env, default_value = "4096", value_parser = value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// How many of them may come from one address (of IPv6: from one /64), if it is not a trusted proxy's
    #[arg(long, env, default_value = "256", value_parser = value_parser!(u32).range(1..))]
    pub max_connections_per_address: u32,

    /// The proxies in front, as networks or addresses between commas: `10.0.0.0/8,192.0.2.7`. They are believed when they
    /// tell where a request comes from (`X-Forwarded-For`, `X-Forwarded-Proto`)
    #[arg(long, env, value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// The certificate chain, in PEM: with it, the public port speaks TLS. A changed file is taken over while it runs
    #[arg(long, env, requires = "tls_key_file")]
    pub tls_certificate_file: Option<PathBuf>,

    /// The private key of the certificate, in PEM
    #[arg(long, env, requires = "tls_certificate_file")]
    pub tls_key_file: Option<PathBuf>,
}

impl Default for EdgeConfig {
    /// What the settings say where nothing is set.
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_connections_per_address: 256,
            trusted_proxies: Vec::new(),
            tls_certificate_file: None,
            tls_key_file: None,
        }
    }
}

impl EdgeConfig {
    /// The certificate's file and the key's.
    pub fn certificate_files(&self) -> Option<[&Path; 2]> {
        Some([self.tls_certificate_file.as_deref()?, self.tls_key_file.as_deref()?])
    }
}
