//! The settings of mutual TLS.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// How a process proves to others which service it is.
#[derive(Args, Clone, Debug, Default)]
#[group(skip)]
pub struct MeshConfig {
    /// Where the proof of this service towards others comes from, which then have to prove themselves as well
    #[arg(long, env, value_enum, default_value = "off")]
    pub peer_tls: PeerTls,

    /// The service's certificate in PEM, intermediate ones after it; read again whenever it changes
    #[arg(long, env, required_if_eq("peer_tls", "files"))]
    pub peer_tls_certificate_file: Option<PathBuf>,

    /// Its private key, in PEM
    #[arg(long, env, required_if_eq("peer_tls", "files"))]
    pub peer_tls_key_file: Option<PathBuf>,

    /// The certificates, in PEM, of the only authorities that may vouch for other services
    #[arg(long, env, required_if_eq("peer_tls", "files"))]
    pub peer_tls_ca_file: Option<PathBuf>,
}

/// Where certificates come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PeerTls {
    /// There are none: the services speak plain text
    #[default]
    Off,
    /// From files that somebody else keeps up to date
    Files,
    /// From the authority of the Consul of CONSUL_URL
    Consul,
}
