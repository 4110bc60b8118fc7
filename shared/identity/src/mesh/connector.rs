//! The way out: who is called has to be the service that is meant.

use std::{
    future::Future,
    io,
    net::Ipv4Addr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use hyper_util::rt::TokioIo;
use rustls::{
    CertificateError, ClientConfig,
    client::{ResolvesClientCert, Resumption},
    pki_types::ServerName,
    version::TLS13,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tower::Service;

use super::{Protocol, Stream, certified::PROVIDER, current::Current, verify::Called};

/// Who does not accept by then is as good as refused; for the handshake there is as much again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Connects to the instances of one service.
#[derive(Clone)]
pub struct Connector(Option<Secured>);

#[derive(Clone)]
struct Secured {
    current: Current,
    tls: TlsConnector,
}

impl Connector {
    /// Whoever answers is believed to be it.
    pub fn plain() -> Self {
        Self(None)
    }

    pub(super) fn new(current: &Current, service: &str, protocol: Protocol) -> Self {
        let config = client_config(current, service, protocol);
        Self(Some(Secured { current: current.clone(), tls: TlsConnector::from(Arc::new(config)) }))
    }

    /// Of what is sent over its connections.
    pub fn scheme(&self) -> Scheme {
        if self.0.is_some() { Scheme::HTTPS } else { Scheme::HTTP }
    }

    /// Connects to an instance; until this process has a certificate of its own, it waits for that.
    ///
    /// Errors: nobody is there, or somebody else.
    pub async fn connect(&self, authority: &Authority) -> io::Result<Stream<TcpStream>> {
        if let Some(secured) = &self.0 {
            secured.current.first().await;
        }
        let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(authority.as_str())).await??;
        stream.set_nodelay(true)?;
        let Some(secured) = &self.0 else { return Ok(Stream::plain(stream)) };
        // Certificates have ids and no host names, and nobody is told which one is meant.
        let nobody = ServerName::from(std::net::IpAddr::from(Ipv4Addr::UNSPECIFIED));
        let stream = timeout(CONNECT_TIMEOUT, secured.tls.connect(nobody, stream)).await?;
        Ok(Stream::secured(stream.map_err(plainly)?.into()))
    }
}

/// For HTTP clients, which connect to the authority of a URI.
impl Service<Uri> for Connector {
    type Response = TokioIo<Stream<TcpStream>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move {
            let authority = uri.authority().ok_or(io::ErrorKind::InvalidInput)?;
            connector.connect(authority).await.map(TokioIo::new)
        })
    }
}

pub(super) fn client_config(current: &Current, service: &str, protocol: Protocol) -> ClientConfig {
    let called = Called { current: current.clone(), service: service.to_owned() };
    let certificate: Arc<dyn ResolvesClientCert> = Arc::new(current.clone());
    let mut config = ClientConfig::builder_with_provider(PROVIDER.clone())
        .with_protocol_versions(&[&TLS13])
        .expect("the provider has suites of TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(called))
        .with_client_cert_resolver(certificate);
    // A session that is resumed is not verified again.
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    config.alpn_protocols = protocol.alpn();
    config
}

/// Why a peer is not believed, if that is what went wrong.
pub(super) fn refusal(error: &io::Error) -> Option<String> {
    let error = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    match error {
        rustls::Error::InvalidCertificate(CertificateError::Other(refusal)) => Some(refusal.0.to_string()),
        other => Some(other.to_string()),
    }
}

/// With the reason itself, where TLS has packed it up.
fn plainly(error: io::Error) -> io::Error {
    match refusal(&error) {
        Some(reason) => io::Error::new(io::ErrorKind::PermissionDenied, reason),
        None => error,
    }
}
