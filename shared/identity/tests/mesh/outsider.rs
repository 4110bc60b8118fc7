//! Somebody who speaks TLS, shows whatever papers there are, and looks at none.

use std::{io, net::SocketAddr, sync::Arc};

use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme, SupportedProtocolVersion,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs::default_provider},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    version::TLS13,
};
use testkit::authority::Papers;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client::TlsStream};

use super::pair::converse;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

fn chain(papers: &Papers) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let chain = CertificateDer::pem_slice_iter(papers.certificate.as_bytes()).map(Result::unwrap).collect();
    (chain, PrivateKeyDer::from_pem_slice(papers.key.as_bytes()).unwrap())
}

/// Calls whatever is there, with these papers or with none.
pub async fn call(papers: Option<&Papers>, address: SocketAddr) -> io::Result<String> {
    call_by(&TLS13, papers, address).await
}

/// The same by this version of TLS.
pub async fn call_by(
    version: &'static SupportedProtocolVersion,
    papers: Option<&Papers>,
    address: SocketAddr,
) -> io::Result<String> {
    converse(connect(version, papers, address).await?).await
}

/// The certificate that whoever is there shows.
pub async fn shown_by(address: SocketAddr) -> CertificateDer<'static> {
    let stream = connect(&TLS13, None, address).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone()
}

async fn connect(
    version: &'static SupportedProtocolVersion,
    papers: Option<&Papers>,
    address: SocketAddr,
) -> io::Result<TlsStream<TcpStream>> {
    let config = ClientConfig::builder_with_provider(provider()).with_protocol_versions(&[version]).unwrap();
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Gullible));
    let config = match papers.map(chain) {
        Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
        None => config.with_no_client_auth(),
    };
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("users").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Answers whoever calls, with these papers.
pub async fn serve(papers: &Papers) -> SocketAddr {
    let (chain, key) = chain(papers);
    let config = ServerConfig::builder_with_provider(provider()).with_protocol_versions(&[&TLS13]).unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    let (listener, acceptor) = (TcpListener::bind("127.0.0.1:0").await.unwrap(), TlsAcceptor::from(Arc::new(config)));
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.write_all(b"hello").await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

/// All that it was told, if it was told so by TLS.
pub fn alert(answer: io::Result<String>) -> Option<AlertDescription> {
    let error = answer.unwrap_err();
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// Believes everybody.
#[derive(Debug)]
struct Gullible;

impl ServerCertVerifier for Gullible {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
