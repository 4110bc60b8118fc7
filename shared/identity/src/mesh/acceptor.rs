//! The way in: who calls has to prove who it is.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    server::{NoServerSessionStorage, ResolvesServerCert},
    version::TLS13,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    Protocol, Stream, certified::PROVIDER, connector::refusal, current::Current, spiffe_id::ServiceName,
    verify::Callers,
};

/// Who has not proven itself by then does not mean to.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Makes connections out of what was accepted.
#[derive(Clone)]
pub struct Acceptor(Option<TlsAcceptor>);

impl Acceptor {
    /// Everybody is let in.
    pub fn plain() -> Self {
        Self(None)
    }

    pub(super) fn new(current: &Current, allowed: &[ServiceName], protocol: Protocol) -> Self {
        let callers = Callers { current: current.clone(), allowed: allowed.to_vec() };
        let certificate: Arc<dyn ResolvesServerCert> = Arc::new(current.clone());
        let mut config = ServerConfig::builder_with_provider(PROVIDER.clone())
            .with_protocol_versions(&[&TLS13])
            .expect("the provider has suites of TLS 1.3")
            .with_client_cert_verifier(Arc::new(callers))
            .with_cert_resolver(certificate);
        // Who resumes a session shows no certificate: what was good once would be good for ever.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = protocol.alpn();
        Self(Some(TlsAcceptor::from(Arc::new(config))))
    }

    /// Lets the peer prove who it is. Who cannot learns nothing but that; our log has the reason.
    ///
    /// Errors: it did not.
    pub async fn accept<IO>(&self, io: IO, from: SocketAddr) -> io::Result<Stream<IO>>
    where
        IO: AsyncRead + AsyncWrite + Unpin,
    {
        let Some(acceptor) = &self.0 else { return Ok(Stream::plain(io)) };
        match timeout(HANDSHAKE_TIMEOUT, acceptor.accept(io)).await? {
            Ok(stream) => Ok(Stream::secured(stream.into())),
            Err(error) => {
                tell(&error, from);
                Err(error)
            }
        }
    }
}

/// A connection that is merely cut off is no attempt to get in.
fn tell(error: &io::Error, from: SocketAddr) {
    match refusal(error) {
        Some(reason) => tracing::warn!(target: "audit", event = "peer_refused", %from, reason, "a peer is refused"),
        None => tracing::debug!(%from, %error, "a handshake was not finished"),
    }
}
