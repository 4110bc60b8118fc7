//! Who asks, and over what: as the connection tells it, or a proxy in front of us that is believed.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request},
    http::{HeaderMap, HeaderName, uri::Scheme},
};
use ipnet::IpNet;

pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Where a request comes from. Every request has it that came over a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// What counts as one client: an address, or of IPv6 the smallest network that is given to anybody (RFC 6177), in which
/// he has as many addresses as he likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

impl Network {
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        })
    }
}

/// A setting such as `10.0.0.0/8`, or one address.
pub fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| "expected an address or a network such as 10.0.0.0/8".to_owned())
}

/// The proxies in front of us: what they say of their clients is true.
#[derive(Clone, Debug)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    pub fn new(networks: &[IpNet]) -> Self {
        Self(networks.into())
    }

    pub fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Each proxy appends the address that it was called from, so the list is read from its end, as far as whoever wrote
    /// an entry is trusted. What is left of that, anybody may have made up.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let mut entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        while self.include(client) {
            let Some(next) = entries.next().and_then(address) else { break };
            client = next;
        }
        client
    }

    fn scheme(&self, peer: IpAddr, headers: &HeaderMap) -> Option<Scheme> {
        let said = headers.get_all(X_FORWARDED_PROTO).iter().next_back().filter(|_| self.include(peer))?;
        [Scheme::HTTP, Scheme::HTTPS]
            .into_iter()
            .find(|scheme| said.as_bytes().eq_ignore_ascii_case(scheme.as_str().as_bytes()))
    }
}

/// Some write the port as well, and some the brackets of a URL.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?.trim();
    let plain = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = plain.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

/// Whatever comes further in asks the request's extensions for [`ClientAddress`] and for [`Scheme`], which is what the client
/// speaks, to us or to the proxy in front of us, and looks at no header.
pub fn tell_client(trusted: &TrustedProxies, mut request: Request) -> Request {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    if let Some(peer) = peer {
        let (client, scheme) = (trusted.client(peer, request.headers()), trusted.scheme(peer, request.headers()));
        request.extensions_mut().insert(ClientAddress(client));
        if let Some(scheme) = scheme {
            request.extensions_mut().insert(scheme);
        }
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who asks, where a peer sends these lines and `10.0.0.0/8` and `2001:db8::/32` are trusted.
    fn client(peer: &str, lines: &[&str]) -> String {
        let trusted = TrustedProxies::new(&[network("10.0.0.0/8").unwrap(), network("2001:db8::/32").unwrap()]);
        let headers = lines.iter().map(|line| (X_FORWARDED_FOR, line.parse().unwrap())).collect();
        trusted.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn nobody_is_believed_but_a_trusted_proxy() {
        assert_eq!(client("203.0.113.7", &["198.51.100.1"]), "203.0.113.7");
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("2001:db8::1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_client_is_whoever_called_the_outermost_trusted_proxy() {
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.1", "10.0.0.3,10.0.0.2"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
    }

    #[test]
    fn what_is_no_address_ends_the_way_back() {
        for nonsense in ["unknown", "", " ", "1.2.3", "1.2.3.4.5", "ada", "::g", "\"1.1.1.1\""] {
            let line = format!("1.1.1.1, {nonsense}, 10.0.0.2");
            assert_eq!(client("10.0.0.1", &[&line]), "10.0.0.2", "{nonsense}");
        }
    }

    #[test]
    fn an_address_is_read_however_it_is_written() {
        for text in ["2001:db9::7", "[2001:db9::7]", "[2001:db9::7]:4000", " 2001:DB9:0::7 "] {
            assert_eq!(client("10.0.0.1", &[text]), "2001:db9::7", "{text}");
        }
        for text in ["198.51.100.1:4000", "::ffff:198.51.100.1", "\t198.51.100.1"] {
            assert_eq!(client("10.0.0.1", &[text]), "198.51.100.1", "{text}");
        }
    }

    #[test]
    fn one_network_of_ipv6_is_one_client() {
        let network = |text: &str| Network::of(text.parse().unwrap());
        assert_eq!(network("2001:db8:0:1::7"), network("2001:db8:0:1:ffff::8"));
        assert_ne!(network("2001:db8:0:1::7"), network("2001:db8:0:2::7"));
        assert_ne!(network("198.51.100.1"), network("198.51.100.2"));
        assert_eq!(network("::ffff:198.51.100.1"), network("198.51.100.1"));
    }
}
