//! The issuer's public keys: fetched when they are needed, kept, refreshed.

use std::{collections::HashMap, sync::Arc, time::Duration};

use discovery::{HttpInstances, Registry};
use jsonwebtoken::{DecodingKey, jwk::JwkSet};
use reqwest::{Client, Url};
use thiserror::Error;
use tokio::{
    sync::{Mutex, RwLock},
    time::Instant,
};

use crate::{Error, JwksUrl, Mesh};

/// Keys older than this are fetched again, so that a withdrawn one is forgotten.
const FRESH: Duration = Duration::from_secs(300);

/// An unknown key id, which anyone can make up, asks the issuer no more often than this.
const BETWEEN_FETCHES: Duration = Duration::from_secs(1);

/// The issuer answers by then, or not at all.
const FETCH_TIMEOUT: Duration = Duration::from_secs(2);

type ById = HashMap<String, Arc<DecodingKey>>;

/// The public keys of an issuer.
pub(crate) enum Keys {
    /// The issuer's own: known from the start.
    Known(ById),
    /// Published by the issuer at a URL.
    Published(Box<Published>),
}

pub(crate) struct Published {
    issuer: Issuer,
    cache: RwLock<Cache>,
    /// Held by the one who fetches, so that the others wait for that answer.
    last_fetch: Mutex<Option<Instant>>,
}

/// Where the keys are published.
enum Issuer {
    Url(Url),
    Service { instances: HttpInstances, path: String, scheme: &'static str, client: Client },
}

/// Why there are no keys.
#[derive(Debug, Error)]
pub enum FetchError {
    /// No instance of the issuer is known.
    #[error("no instance of the issuer is known")]
    Nobody,
    /// The issuer did not answer as it should.
    #[error(transparent)]
    Failed(#[from] reqwest::Error),
}

#[derive(Default)]
struct Cache {
    keys: ById,
    fetched: Option<Instant>,
}

impl Keys {
    pub fn known(keys: &JwkSet) -> Self {
        Self::Known(by_id(keys))
    }

    pub fn published(url: &JwksUrl, registry: &Registry, mesh: &Mesh) -> anyhow::Result<Self> {
        let issuer = match url {
            JwksUrl::Url(url) => Issuer::Url(url.clone()),
            JwksUrl::Service { peer, service, path } => {
                let (scheme, client) = mesh.http_client(service);
                let client = client.timeout(FETCH_TIMEOUT).build()?;
                Issuer::Service { instances: registry.watch_http(peer)?, path: path.clone(), scheme, client }
            }
        };
        let published = Published { issuer, cache: RwLock::default(), last_fetch: Mutex::default() };
        Ok(Self::Published(Box::new(published)))
    }

    /// Errors: there is no such key, or no keys at all could be had.
    pub async fn find(&self, id: &str) -> Result<Arc<DecodingKey>, Error> {
        match self {
            Self::Known(keys) => keys.get(id).cloned().ok_or(Error::Invalid),
            Self::Published(keys) => keys.find(id).await,
        }
    }
}

impl Published {
    async fn find(&self, id: &str) -> Result<Arc<DecodingKey>, Error> {
        if let Some(key) = self.cached(id, FRESH).await {
            return Ok(key);
        }
        let refreshed = self.refresh().await;
        // An issuer that is away does not make its old keys wrong.
        if let Some(key) = self.cached(id, Duration::MAX).await {
            return Ok(key);
        }
        match refreshed {
            Ok(()) => Err(Error::Invalid),
            Err(cause) => Err(Error::KeysUnavailable(cause)),
        }
    }

    async fn cached(&self, id: &str, max_age: Duration) -> Option<Arc<DecodingKey>> {
        let cache = self.cache.read().await;
        let fresh = cache.fetched.is_some_and(|fetched| fetched.elapsed() < max_age);
        cache.keys.get(id).filter(|_| fresh).cloned()
    }

    /// Fetches the keys, unless that was tried a moment ago.
    async fn refresh(&self) -> Result<(), Arc<FetchError>> {
        let mut last_fetch = self.last_fetch.lock().await;
        if last_fetch.is_some_and(|at| at.elapsed() < BETWEEN_FETCHES) && self.cache.read().await.fetched.is_some() {
            return Ok(());
        }
        *last_fetch = Some(Instant::now());
        let keys = self.issuer.fetch().await.map_err(|error| {
            tracing::warn!(?error, "the issuer's keys cannot be fetched");
            Arc::new(error)
        })?;
        *self.cache.write().await = Cache { keys: by_id(&keys), fetched: Some(Instant::now()) };
        Ok(())
    }
}

impl Issuer {
    async fn fetch(&self) -> Result<JwkSet, FetchError> {
        match self {
            Self::Url(url) => Ok(fetch(&public_client(url)?, url.as_str()).await?),
            Self::Service { instances, path, scheme, client } => {
                let mut outcome = Err(FetchError::Nobody);
                // Somebody will come, or whoever asks will give up.
                for instance in instances.wait().await {
                    let url = format!("{scheme}://{instance}{path}");
                    outcome = fetch(client, &url).await.map_err(FetchError::from);
                    if outcome.is_ok() {
                        break;
                    }
                }
                outcome
            }
        }
    }
}

async fn fetch(client: &Client, url: &str) -> Result<JwkSet, reqwest::Error> {
    client.get(url).send().await?.error_for_status()?.json().await
}

/// For an issuer that is none of our services.
fn public_client(url: &Url) -> Result<Client, reqwest::Error> {
    let client = Client::builder().no_proxy().timeout(FETCH_TIMEOUT);
    // Plain HTTP needs no root certificates, and not every image has those that would be looked for.
    let client = if url.scheme() == "http" { client.tls_certs_only([]) } else { client };
    client.build()
}

/// Keys without an id, or of a kind that cannot be read, are nobody's.
fn by_id(keys: &JwkSet) -> ById {
    let usable = keys.keys.iter().filter_map(|key| {
        let id = key.common.key_id.clone()?;
        Some((id, Arc::new(DecodingKey::from_jwk(key).ok()?)))
    });
    usable.collect()
}
