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
        /// With a slash at its beginning.
        path: String,
    },
}

/// A text that is no such URL.
#[derive(Debug, Error)]
#[error("the URL of a key set is http://…, https://…, consul:///service/path or dns:///host:port/path")]
pub struct JwksUrlError;

impl FromStr for JwksUrl {
    type Err = JwksUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        for scheme in ["consul:///", "dns:///"] {
            if let Some(rest) = text.strip_prefix(scheme) {
                let (service, path) = rest.split_once('/').ok_or(JwksUrlError)?;
                let peer = format!("{scheme}{service}").parse().map_err(|_| JwksUrlError)?;
                return Ok(Self::Service { peer, path: format!("/{path}") });
            }
        }
        let url: Url = text.parse().map_err(|_| JwksUrlError)?;
        matches!(url.scheme(), "http" | "https").then_some(Self::Url(url)).ok_or(JwksUrlError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_at_a_url_or_at_a_service() {
        assert!(matches!("https://id.example/keys".parse(), Ok(JwksUrl::Url(_))));
        let service: JwksUrl = "consul:///users/.well-known/jwks.json".parse().unwrap();
        let expected =
            JwksUrl::Service { peer: Peer::Service("users".to_owned()), path: "/.well-known/jwks.json".to_owned() };
        assert_eq!(service, expected);
        let Ok(JwksUrl::Service { peer, path }) = "dns:///users:8081/keys".parse() else { panic!("it is a service's") };
        assert_eq!((peer.to_string().as_str(), path.as_str()), ("dns:///users:8081", "/keys"));
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
