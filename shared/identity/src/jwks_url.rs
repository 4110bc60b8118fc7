//! Where an issuer publishes its keys, as a setting says it.

use std::str::FromStr;

use discovery::Peer;
use reqwest::Url;
use thiserror::Error;

/// The URL of a JWK set (RFC 7517, section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksUrl {
    /// `http://…` or `https://…`: this one.
    Url(Url),
    /// `consul:///service/path` or `dns:///host:port/path`: at whichever instance of the service answers.
    Service {
        /// The service; by its name in DNS, with its HTTP port.
        peer: Peer,
        /// Its name: a host's is its first label.
        service: String,
        /// With a slash at its beginning.
        path: String,
    },
}

/// A text that is no such URL.
#[derive(Debug, Error)]
#[error("the URL of a key set is http://…, https://…, dns:///host:port/path or consul:///service/path")]
pub struct JwksUrlError;

impl FromStr for JwksUrl {
    type Err = JwksUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some(scheme) = ["consul:///", "dns:///"].into_iter().find(|scheme| text.starts_with(scheme)) else {
            let url: Url = text.parse().map_err(|_| JwksUrlError)?;
            return matches!(url.scheme(), "http" | "https").then_some(Self::Url(url)).ok_or(JwksUrlError);
        };
        let (place, path) = text[scheme.len()..].split_once('/').ok_or(JwksUrlError)?;
        let peer: Peer = format!("{scheme}{place}").parse().map_err(|_| JwksUrlError)?;
        let service = peer.name().split_once('.').map_or(peer.name(), |(label, _)| label).to_owned();
        Ok(Self::Service { peer, service, path: format!("/{path}") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_at_a_url_or_at_a_service() {
        assert!(matches!("https://id.example/keys".parse(), Ok(JwksUrl::Url(_))));
        let service: JwksUrl = "consul:///users/.well-known/jwks.json".parse().unwrap();
        let users =
            |peer| JwksUrl::Service { peer, service: "users".to_owned(), path: "/.well-known/jwks.json".to_owned() };
        assert_eq!(service, users(Peer::Service("users".to_owned())));
        let name: JwksUrl = "dns:///users.shop.svc:8081/.well-known/jwks.json".parse().unwrap();
        assert_eq!(name, users(Peer::Name("users.shop.svc:8081".parse().unwrap())));
    }

    #[test]
    fn anything_else_is_nowhere() {
        for nonsense in [
            "",
            "keys",
            "ftp://a/keys",
            "consul:///users",
            "consul:////keys",
            "consul://users/keys",
            "dns:///users/keys",
        ] {
            assert!(nonsense.parse::<JwksUrl>().is_err(), "{nonsense}");
        }
    }
}
