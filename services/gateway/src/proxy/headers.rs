//! What is changed in the headers of a request and of its answer on their way through.

use std::net::IpAddr;

use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Version, header,
    request::Parts,
    uri::{Authority, Scheme},
};

use crate::client_address::{ClientAddress, X_FORWARDED_FOR, X_FORWARDED_PROTO};

/// What concerns one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// What we say ourselves of where a request comes from. We are the edge: what a client says of it, it has made up.
const ORIGIN: [HeaderName; 5] = [
    header::FORWARDED,
    X_FORWARDED_FOR,
    X_FORWARDED_HOST,
    X_FORWARDED_PROTO,
    HeaderName::from_static("x-forwarded-port"),
];

/// Makes the head of a request one from us to a service.
pub fn go_inwards(head: &mut Parts) {
    let origin = Origin::of(head);
    strip_hop_by_hop(&mut head.headers);
    for name in &ORIGIN {
        head.headers.remove(name);
    }
    // The client of the service sets its own host; we have answered what was expected of us.
    head.headers.remove(header::HOST);
    head.headers.remove(header::EXPECT);
    origin.tell(&mut head.headers);
    head.headers.append(header::VIA, via(head.version));
}

/// The connection's own headers, and those that it names.
pub fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

/// As the client called us; nothing, if that is no name.
fn public_host(head: &Parts) -> Option<Authority> {
    let header = || head.headers.get(header::HOST)?.to_str().ok()?.parse().ok();
    head.uri.authority().cloned().or_else(header).filter(|host: &Authority| !host.as_str().contains('@'))
}

/// Where a request comes from, and where to.
struct Origin {
    client: Option<IpAddr>,
    host: Option<Authority>,
    scheme: Scheme,
}

impl Origin {
    fn of(head: &Parts) -> Self {
        let client = head.extensions.get::<ClientAddress>().map(|client| client.0);
        let scheme = head.extensions.get().cloned().unwrap_or(Scheme::HTTP);
        Self { client, host: public_host(head), scheme }
    }

    /// `Forwarded` (RFC 7239), and what most programs read instead.
    fn tell(&self, headers: &mut HeaderMap) {
        let Self { client, host, scheme } = self;
        let forwarded_for = match client {
            Some(IpAddr::V4(ip)) => ip.to_string(),
            Some(IpAddr::V6(ip)) => format!("\"[{ip}]\""),
            None => "unknown".to_owned(),
        };
        let host_part = host.as_ref().map_or(String::new(), |host| format!(";host=\"{host}\""));
        let said = [
            (header::FORWARDED, Some(format!("for={forwarded_for}{host_part};proto={scheme}"))),
            (X_FORWARDED_FOR, client.map(|ip| ip.to_string())),
            (X_FORWARDED_HOST, host.as_ref().map(ToString::to_string)),
            (X_FORWARDED_PROTO, Some(scheme.to_string())),
        ];
        for (name, value) in said {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(name, value);
            }
        }
    }
}

/// RFC 9110, section 7.6.3.
fn via(version: Version) -> HeaderValue {
    HeaderValue::from_static(match version {
        Version::HTTP_2 => "2 joist",
        Version::HTTP_10 => "1.0 joist",
        _ => "1.1 joist",
    })
}
