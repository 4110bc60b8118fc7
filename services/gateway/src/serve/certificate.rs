//! The certificate of the public port, as its files say by now.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs::default_provider},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How often the files are looked at. What tells of changes sooner does not see all of them: where Kubernetes mounts a
/// secret, a link is exchanged two folders above.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// The certificate that new connections are shown, and the way to talk with it.
pub struct Certificate {
    files: Files,
    opened: Content,
    current: Arc<Current>,
    acceptor: TlsAcceptor,
}

#[derive(Clone)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// What the files hold.
#[derive(Clone, PartialEq)]
struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

#[derive(Debug)]
struct Current(ArcSwap<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl Certificate {
    /// Errors: the files cannot be read, or do not belong together.
    pub fn open([certificate, key]: [&Path; 2]) -> anyhow::Result<Self> {
        let files = Files { certificate: certificate.to_owned(), key: key.to_owned() };
        let provider = Arc::new(default_provider());
        let opened = files.read()?;
        let current = Arc::new(Current(ArcSwap::from_pointee(opened.certified(&provider)?)));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(current.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Self { files, opened, current, acceptor: TlsAcceptor::from(Arc::new(config)) })
    }

    pub async fn handshake<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> io::Result<TlsStream<S>> {
        self.acceptor.accept(stream).await
    }

    /// Takes over what the files are changed to, and does not end. Connections go on as they began.
    pub async fn follow_files(&self) {
        let mut last = Ok(self.opened.clone());
        let mut looks = interval(LOOK_INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let files = self.files.clone();
            let found = spawn_blocking(move || files.read().map_err(|error| format!("{error:#}"))).await;
            let Ok(found) = found else { continue };
            if found != last {
                self.take_over(found.as_ref().map_err(|error| anyhow!(error.clone())));
                last = found;
            }
        }
    }

    fn take_over(&self, content: anyhow::Result<&Content>) {
        match content.and_then(|content| content.certified(&default_provider())) {
            Ok(certified) => {
                self.current.0.store(Arc::new(certified));
                tracing::info!("the certificate was renewed");
            }
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, "the new certificate is not fit for use; the last good one stays");
            }
        }
    }
}

impl Files {
    fn read(&self) -> anyhow::Result<Content> {
        let read = |setting, path: &Path| fs::read(path).with_context(|| format!("{setting}: {}", path.display()));
        let certificate = read("TLS_CERTIFICATE_FILE", &self.certificate)?;
        Ok(Content { certificate, key: read("TLS_KEY_FILE", &self.key)? })
    }
}

impl Content {
    fn certified(&self, provider: &CryptoProvider) -> anyhow::Result<CertifiedKey> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.context("TLS_CERTIFICATE_FILE: there is no certificate in PEM")?;
        // A parser may quote what it does not understand, which is no business of the log's.
        let key = PrivateKeyDer::from_pem_slice(&self.key).ok().context("TLS_KEY_FILE: there is no key in PEM")?;
        CertifiedKey::from_der(chain, key, provider).context("TLS_CERTIFICATE_FILE, TLS_KEY_FILE")
    }
}
