//! What an instance tells of itself.

use std::net::SocketAddr;

use http::uri::Authority;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::Instance;

/// An instance as it wants to be found.
#[derive(Clone, Debug)]
pub struct Registration {
    /// The service's name.
    pub service: String,
    /// Its version.
    pub version: &'static str,
    /// What is spoken at `address`: `grpc` or `http`.
    pub protocol: &'static str,
    /// Where its callers reach it, as bound.
    pub address: SocketAddr,
    /// Where it speaks HTTP to others, as bound, if that is another port.
    pub http: Option<SocketAddr>,
    /// Its operations port, as bound: where it is asked whether it is ready.
    pub operations: SocketAddr,
    /// When this life of it began: RFC 3339.
    pub started_at: String,
}

impl Registration {
    /// An instance that begins its life now, and is called over gRPC.
    pub fn grpc(service: &str, version: &'static str, address: SocketAddr, operations: SocketAddr) -> Self {
        let started_at = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        Self { service: service.to_owned(), version, protocol: "grpc", address, http: None, operations, started_at }
    }

    /// The same, called over HTTP.
    pub fn http(service: &str, version: &'static str, address: SocketAddr, operations: SocketAddr) -> Self {
        Self { protocol: "http", http: Some(address), ..Self::grpc(service, version, address, operations) }
    }

    /// It speaks HTTP here, too.
    pub fn with_http(self, http: SocketAddr) -> Self {
        Self { http: Some(http), ..self }
    }

    /// Seen from within the process.
    pub(crate) fn instance(&self) -> Instance {
        let authority = |address: SocketAddr| -> Authority {
            reachable(address).to_string().parse().expect("an IP address and a port are an authority")
        };
        Instance {
            id: format!("{}-{}-{}", self.service, self.address.ip(), self.address.port()),
            authority: authority(self.address),
            http: self.http.map(authority),
            started_at: self.started_at.clone(),
        }
    }
}

/// Who listens on every address is reached on this machine's own.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
