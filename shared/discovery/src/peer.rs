//! Where another service is, as a setting says it.

use std::{fmt, str::FromStr};

use http::{Uri, uri::Authority};
use thiserror::Error;

/// Another service, as a URL.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// `http://host:port`: this one address; what is behind it is its own affair.
    Address(Authority),
    /// `dns:///host:port`: every address that the name has, looked up again and again.
    Name(Authority),
    /// `consul:///service`: the registered instances of the service.
    Service(String),
}

/// A URL that names no peer.
#[derive(Debug, Error)]
#[error("a peer is a URL like http://host:port, dns:///host:port or consul:///service")]
pub struct PeerError;

impl FromStr for Peer {
    type Err = PeerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(name) = text.strip_prefix("consul:///") {
            return service(name).ok_or(PeerError);
        }
        if let Some(host) = text.strip_prefix("dns:///") {
            return authority(&format!("http://{host}")).map(Self::Name).ok_or(PeerError);
        }
        authority(text).map(Self::Address).ok_or(PeerError)
    }
}

impl Peer {
    /// What it is called, without the way to find it: a host, or a service.
    pub fn name(&self) -> &str {
        match self {
            Self::Address(authority) | Self::Name(authority) => authority.host(),
            Self::Service(name) => name,
        }
    }
}

fn service(name: &str) -> Option<Peer> {
    let fit = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (!name.is_empty() && name.bytes().all(fit)).then(|| Peer::Service(name.to_owned()))
}

/// Of a URL that has nothing else.
fn authority(url: &str) -> Option<Authority> {
    let uri: Uri = url.parse().ok()?;
    let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !url.contains('@');
    let authority = uri.authority().filter(|authority| bare && authority.port_u16().is_some())?;
    (uri.scheme_str() == Some("http") && !authority.host().is_empty()).then(|| authority.clone())
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(authority) => write!(f, "http://{authority}"),
            Self::Name(authority) => write!(f, "dns:///{authority}"),
            Self::Service(name) => write!(f, "consul:///{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_an_address_a_name_or_a_service() {
        for url in ["http://users:50051", "http://[::1]:50051", "dns:///users.shop.svc:50051", "consul:///users"] {
            assert_eq!(url.parse::<Peer>().unwrap().to_string(), url);
        }
        assert_eq!("http://users:1/".parse::<Peer>().unwrap().to_string(), "http://users:1");
    }

    #[test]
    fn anything_else_is_no_peer() {
        let nonsense = [
            "",
            "users:50051",
            "http://users",
            "https://users:1",
            "http://users:1/path",
            "http://users:1?x",
            "ftp://a:1",
            "http://:",
            "http://:1",
            "http://a@b:1",
            "dns://users:1",
            "dns:///users",
            "dns:///users:1/x",
            "consul://users",
            "consul:///",
            "consul:///a/b",
            "consul:///a b",
            "consul:///users:1",
        ];
        for nonsense in nonsense {
            assert!(nonsense.parse::<Peer>().is_err(), "{nonsense}");
        }
    }
}
