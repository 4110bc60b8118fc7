//! Where an issuer's keys are published, and the fetching of them.

use std::time::Duration;

use anyhow::Context;
use discovery::{HttpInstances, Registry};
use jsonwebtoken::jwk::JwkSet;
use reqwest::{Client, ClientBuilder, Response, Url, redirect};
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use crate::{JwksUrl, Mesh};

/// One instance of the issuer answers by then, or not at all.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// More is not read, in bytes: an RSA key has some 500.
const MAX_SET: usize = 256 * 1024;

/// Nobody signs with more keys at a time.
const MAX_KEYS: usize = 64;

/// Why there are no keys.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Nobody has answered in time.
    #[error("the issuer did not answer in time")]
    TimedOut,
    /// No instance of the issuer is known.
    #[error("no instance of the issuer is known")]
    Nobody,
    /// The issuer did not answer as it should.
    #[error(transparent)]
    Failed(#[from] reqwest::Error),
    /// What it has answered is too much to be a key set.
    #[error("the issuer's key set is too large")]
    TooLarge,
    /// What it has answered is no key set.
    #[error("the issuer's key set cannot be read")]
    Unreadable(#[from] serde_json::Error),
}

/// Where the keys are published.
pub(crate) struct Source {
    client: Client,
    at: At,
}

enum At {
    Url(Url),
    Service { instances: HttpInstances, scheme: &'static str, path: String },
}

impl Source {
    /// Errors: it is a service's name, and there is no registry to ask; this machine has no root certificates.
    pub fn of(url: &JwksUrl, registry: &Registry, mesh: &Mesh) -> anyhow::Result<Self> {
        match url {
            JwksUrl::Url(url) => Self::at(url.clone()),
            JwksUrl::Service { peer, service, path } => {
                let (scheme, client) = mesh.http_client(service);
                let at = At::Service { instances: registry.watch_http(peer)?, scheme, path: path.clone() };
                Ok(Self { client: stay_there(client).build()?, at })
            }
        }
    }

    /// Errors: the URL is of https, and this machine has no root certificates.
    pub fn at(url: Url) -> anyhow::Result<Self> {
        let client = stay_there(Client::builder());
        // Plain HTTP needs no root certificates, and not every image has those that would be looked for.
        let client = if url.scheme() == "https" { client.https_only(true) } else { client.tls_certs_only([]) };
        Ok(Self { client: client.build().context("no client that could fetch keys by https")?, at: At::Url(url) })
    }

    pub async fn fetch(&self) -> Result<JwkSet, FetchError> {
        match &self.at {
            At::Url(url) => self.fetch_from(url.as_str()).await,
            At::Service { instances, scheme, path } => {
                let mut outcome = Err(FetchError::Nobody);
                // Somebody will come, or whoever asks will give up.
                for instance in instances.wait().await {
                    outcome = self.fetch_from(&format!("{scheme}://{instance}{path}")).await;
                    if outcome.is_ok() {
                        break;
                    }
                }
                outcome
            }
        }
    }

    async fn fetch_from(&self, url: &str) -> Result<JwkSet, FetchError> {
        let response = self.client.get(url).send().await?.error_for_status()?;
        read(&whole_body(response).await?)
    }
}

/// It follows nobody elsewhere: the keys are where the settings say.
fn stay_there(client: ClientBuilder) -> ClientBuilder {
    client.no_proxy().redirect(redirect::Policy::none()).timeout(ANSWER_TIMEOUT)
}

async fn whole_body(mut response: Response) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_SET {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Keys of a kind that we do not know are left out (RFC 7517, section 5).
fn read(body: &[u8]) -> Result<JwkSet, FetchError> {
    #[derive(Deserialize)]
    struct Published {
        keys: Vec<Value>,
    }
    let Published { keys } = serde_json::from_slice(body)?;
    if keys.len() > MAX_KEYS {
        return Err(FetchError::TooLarge);
    }
    Ok(JwkSet { keys: keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strange_key_does_not_hide_the_others() {
        let known = r#"{"kty": "OKP", "crv": "Ed25519", "x": "AAAA", "kid": "a"}"#;
        let strange = r#"{"kty": "AKP", "pub": 7}, {"kid": "b"}, 7"#;
        let set = read(format!(r#"{{"keys": [{strange}, {known}], "more": 1}}"#).as_bytes()).unwrap();
        assert!(set.find("a").is_some());
    }

    #[test]
    fn what_is_no_key_set_is_an_error_and_not_an_empty_one() {
        for nonsense in ["", "[]", "{}", "<html>", r#"{"keys": 7}"#] {
            assert!(matches!(read(nonsense.as_bytes()), Err(FetchError::Unreadable(_))), "{nonsense}");
        }
    }

    #[test]
    fn nobody_has_so_many_keys() {
        let keys = vec!["{}"; MAX_KEYS + 1].join(",");
        assert!(matches!(read(format!(r#"{{"keys": [{keys}]}}"#).as_bytes()), Err(FetchError::TooLarge)));
    }
}
