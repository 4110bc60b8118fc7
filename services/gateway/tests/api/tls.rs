//! TLS on the public port, and its certificate while it runs.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{net::TcpStream, time};
use tokio_rustls::{TlsConnector, client::TlsStream};
use uuid::Uuid;

use crate::{
    harness::Gateway,
    wire::{LAST, PRODUCTS, Wire},
};

/// A certificate and its key in files, which go with the test.
pub struct Files {
    folder: PathBuf,
    /// All that there ever were.
    roots: RootCertStore,
}

impl Files {
    pub fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("joist-tls-{}", Uuid::now_v7()));
        fs::create_dir(&folder).unwrap();
        Self { folder, roots: RootCertStore::empty() }
    }

    /// Puts a new pair there.
    pub fn renew(&mut self) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.certificate(), made.cert.pem()).unwrap();
        fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        self.roots.add(made.cert.der().clone()).unwrap();
        made.cert.der().clone()
    }

    fn certificate(&self) -> PathBuf {
        self.folder.join("tls.crt")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("tls.key")
    }

    pub fn apply(&self, gateway: &mut Gateway) {
        gateway.edge.tls_certificate_file = Some(self.certificate());
        gateway.edge.tls_key_file = Some(self.key());
    }

    /// A connection of a client that knows them all.
    pub async fn connect(&self, gateway: SocketAddr, protocols: &[&str]) -> TlsStream<TcpStream> {
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(gateway).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

async fn start() -> (Files, CertificateDer<'static>, SocketAddr) {
    let (mut files, mut gateway) = (Files::new(), Gateway::start().await);
    let first = files.renew();
    files.apply(&mut gateway);
    let address = gateway.serve().await;
    (files, first, address)
}

#[tokio::test]
async fn browsers_are_told_to_come_by_tls_only() {
    let (files, _, address) = start().await;
    let mut wire = Wire(files.connect(address, &["http/1.1"]).await);
    wire.send(LAST).await;
    let answer = wire.rest().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"), "{answer}");
}

#[tokio::test]
async fn the_best_protocol_is_agreed_on() {
    let (files, _, address) = start().await;
    for (offered, agreed) in
        [(vec!["h2", "http/1.1"], Some("h2")), (vec!["http/1.1"], Some("http/1.1")), (vec![], None)]
    {
        let stream = files.connect(address, &offered).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed.map(str::as_bytes));
    }
    let (client, connection) = h2::client::handshake(files.connect(address, &["h2"]).await).await.unwrap();
    tokio::spawn(connection);
    let request = axum::http::Request::get("https://localhost/v1/products").body(()).unwrap();
    let (answer, _) = client.ready().await.unwrap().send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_is_no_handshake_is_not_waited_for() {
    let (_files, _, address) = start().await;
    let plain = {
        let mut wire = Wire::to(address).await;
        wire.send(PRODUCTS).await;
        wire.rest().await
    };
    assert!(!plain.contains("HTTP"), "{plain}");
    let mut silent = Wire::to(address).await;
    time::pause();
    let start = time::Instant::now();
    assert_eq!(silent.rest().await, "");
    assert!((Duration::from_secs(5)..Duration::from_secs(7)).contains(&start.elapsed()), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_those_who_come_then() {
    let (mut files, first, address) = start().await;
    let mut old = Wire(files.connect(address, &["http/1.1"]).await);
    assert_eq!(shown(&old.0), first);

    // What is no pair is not taken.
    let key = fs::read(files.key()).unwrap();
    fs::write(files.key(), "no key").unwrap();
    // They are looked at every second, and time goes on when that is done.
    time::pause();
    time::sleep(Duration::from_millis(2500)).await;
    time::resume();
    assert_eq!(shown(&files.connect(address, &[]).await), first);
    fs::write(files.key(), key).unwrap();

    let second = files.renew();
    let taken_over = async {
        while shown(&files.connect(address, &[]).await) != second {
            time::sleep(Duration::from_millis(50)).await;
        }
    };
    time::timeout(Duration::from_secs(20), taken_over).await.unwrap();
    old.send(LAST).await;
    assert!(old.rest().await.starts_with("HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn files_that_do_not_belong_together_are_refused_at_the_start() {
    let (mut files, mut gateway) = (Files::new(), Gateway::start().await);
    files.apply(&mut gateway);
    let complaint = |gateway: &Gateway| format!("{:#}", gateway::Edge::open(&gateway.edge).err().unwrap());
    assert!(complaint(&gateway).starts_with("TLS_CERTIFICATE_FILE: "), "{}", complaint(&gateway));
    files.renew();
    let other = fs::read(files.key()).unwrap();
    files.renew();
    fs::write(files.key(), other).unwrap();
    assert!(complaint(&gateway).contains("TLS_KEY_FILE"), "{}", complaint(&gateway));
    fs::write(files.key(), "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n").unwrap();
    assert!(!complaint(&gateway).contains("c2VjcmV0"), "{}", complaint(&gateway));
}
