//! The client: what it is told, and the connection that it keeps.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::{
    Certificate, Url,
    header::{HeaderMap, HeaderValue},
    redirect::Policy,
};
use settings::Secret;

use crate::{Agent, Catalog, Connect, Error, Health, Kv, Sessions, Status};

/// An agent is near: who does not answer by then is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Finds out about an agent's machine that has vanished while a query waits, which nothing else would before its end.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Where the agent is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Config {
    /// `http://` or `https://`, with a path where a proxy wants one; no user, query or fragment.
    pub url: Url,
    /// The ACL token, sent as `X-Consul-Token`.
    pub token: Option<Secret>,
    /// The certificates, in PEM, of the only authorities that may vouch for an `https://` agent; without them those
    /// that the operating system trusts.
    pub ca_certificate: Option<Vec<u8>>,
    /// The datacenter that is asked, for calls that are not about the agent itself; without it the agent's own.
    pub datacenter: Option<String>,
}

/// A client of one agent: cheap to clone, with one pool of connections for all clones.
#[derive(Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub http: reqwest::Client,
    /// Without a slash at its end.
    pub url: Url,
    pub token: Option<Secret>,
    pub datacenter: Option<String>,
}

impl Client {
    /// A client of this agent; nothing is sent yet.
    ///
    /// Errors: [`Error::Misconfigured`], for a URL, certificate or token that cannot be used.
    pub fn new(config: &Config) -> Result<Self, Error> {
        let url = usable(&config.url)?;
        let mut builder = reqwest::Client::builder()
            .no_proxy()
            // A redirect would carry the token to whoever it names.
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_keepalive(KEEPALIVE)
            .default_headers(headers(config.token.as_ref())?);
        if let Some(pem) = &config.ca_certificate {
            builder = builder.tls_certs_only(certificates(pem)?);
        } else if url.scheme() == "http" {
            // Plain HTTP needs no root certificates, and not every image has those that would be looked for.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|error| misconfigured(format!("no TLS with these settings: {error}")))?;
        let (token, datacenter) = (config.token.clone(), config.datacenter.clone());
        Ok(Self { inner: Arc::new(Inner { http, url, token, datacenter }) })
    }

    /// What the agent itself knows and does: its services, its checks.
    pub fn agent(&self) -> Agent<'_> {
        Agent(self)
    }

    /// What the datacenter's nodes and services are.
    pub fn catalog(&self) -> Catalog<'_> {
        Catalog(self)
    }

    /// The certificate authority of the service mesh.
    pub fn connect(&self) -> Connect<'_> {
        Connect(self)
    }

    /// Which instances of a service are well.
    pub fn health(&self) -> Health<'_> {
        Health(self)
    }

    /// The key/value store.
    pub fn kv(&self) -> Kv<'_> {
        Kv(self)
    }

    /// Sessions, which hold locks in the key/value store.
    pub fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }

    /// The servers among themselves.
    pub fn status(&self) -> Status<'_> {
        Status(self)
    }
}

/// Without the token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.inner.url.as_str()).finish_non_exhaustive()
    }
}

fn misconfigured(what: impl Into<String>) -> Error {
    Error::Misconfigured(what.into())
}

fn usable(url: &Url) -> Result<Url, Error> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(misconfigured("the URL is neither http:// nor https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err(misconfigured("the URL has a user, a query or a fragment"));
    }
    let mut url = url.clone();
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn headers(token: Option<&Secret>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(token.expose())
            .map_err(|_| misconfigured("the ACL token has characters that no header can carry"))?;
        value.set_sensitive(true);
        headers.insert("x-consul-token", value);
    }
    Ok(headers)
}

fn certificates(pem: &[u8]) -> Result<Vec<Certificate>, Error> {
    let certificates = Certificate::from_pem_bundle(pem)
        .map_err(|error| misconfigured(format!("the CA's certificate cannot be read: {error}")))?;
    if certificates.is_empty() {
        return Err(misconfigured("there is no certificate in the CA's PEM"));
    }
    Ok(certificates)
}
