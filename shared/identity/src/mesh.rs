//! Who a process is, proven by a certificate: mutual TLS between the services.
//!
//! Each service has a certificate that names it by a [`SpiffeId`], signed by an authority that all of them believe. A
//! caller knows which service it calls, the one that is called knows who may call it; neither looks at host names.
//! A certificate is looked at when a connection begins: one that ends later does not end the connection.

mod acceptor;
mod certified;
mod config;
mod connector;
mod current;
mod files;
mod granted;
mod listener;
mod protocol;
mod spiffe_id;
mod stream;
mod verify;

use std::sync::Arc;

use discovery::Registry;
use opentelemetry::global;

pub use self::{
    acceptor::Acceptor,
    config::{MeshConfig, PeerTls},
    connector::Connector,
    listener::Listener,
    protocol::Protocol,
    spiffe_id::{NameError, ServiceName, SpiffeId, SpiffeIdError},
    stream::{PeerInfo, Stream},
};
use self::{certified::Certified, current::Current};

/// The proof of who this process is, and the demand for such a proof from others; or neither, where it is off.
///
/// It is renewed for as long as a copy of it, or anything made by it, is there.
#[derive(Clone)]
pub struct Mesh(Option<Current>);

impl Mesh {
    /// Nobody proves anything: for tests, and for services that share a process.
    pub fn plain() -> Self {
        Self(None)
    }

    /// As the settings say, for this service. Certificates by the registry come later: see [`ready`](Self::ready).
    ///
    /// Errors: the files cannot be read, or do not fit together; there is no Consul to ask.
    pub fn open(config: &MeshConfig, service: &str, registry: &Registry) -> anyhow::Result<Self> {
        let current = match config.peer_tls {
            PeerTls::Off => return Ok(Self::plain()),
            PeerTls::Files => files::open(config, service)?,
            PeerTls::Consul => granted::open(service, registry)?,
        };
        observe(current.watched());
        Ok(Self(Some(current)))
    }

    /// Waits for the first certificate. Whoever asks sets the limit.
    pub async fn ready(&self) {
        if let Some(current) = &self.0 {
            current.first().await;
        }
    }

    /// The way to the instances of a service: whoever answers there has to be it.
    pub fn connector(&self, service: &str, protocol: Protocol) -> Connector {
        self.0.as_ref().map_or_else(Connector::plain, |current| Connector::new(current, service, protocol))
    }

    /// The way in, for those services only.
    pub fn acceptor(&self, allowed: &[ServiceName], protocol: Protocol) -> Acceptor {
        self.0.as_ref().map_or_else(Acceptor::plain, |current| Acceptor::new(current, allowed, protocol))
    }

    /// A client in the making of the service's HTTP port, and the scheme of its URLs.
    pub fn http_client(&self, service: &str) -> (&'static str, reqwest::ClientBuilder) {
        let client = reqwest::Client::builder().no_proxy();
        match &self.0 {
            // Plain HTTP needs no root certificates, and not every image has those that would be looked for.
            None => ("http", client.tls_certs_only([])),
            Some(current) => {
                ("https", client.tls_backend_preconfigured(connector::client_config(current, service, Protocol::Http1)))
            }
        }
    }

    /// Who this process is and until when that is proven, for `/readyz?verbose`.
    ///
    /// Errors: it is not proven, or no longer.
    pub fn report(&self) -> Result<String, String> {
        let Some(current) = &self.0 else { return Ok("off".to_owned()) };
        let certified = current.get().ok_or("there is no certificate yet")?;
        let report = format!("{}, good until {}", certified.id, certified.good_until());
        if certified.seconds_left() > 0.0 { Ok(report) } else { Err(report) }
    }
}

/// How long the certificate is good, so that somebody can be woken before it is not.
fn observe(current: impl Fn() -> Option<Arc<Certified>> + Send + Sync + 'static) {
    global::meter("identity")
        .f64_observable_gauge("joist.certificate.time_left")
        .with_unit("s")
        .with_description("Time until the certificate of this process ends")
        .with_callback(move |gauge| {
            if let Some(certified) = current() {
                gauge.observe(certified.seconds_left(), &[]);
            }
        })
        .build();
}
