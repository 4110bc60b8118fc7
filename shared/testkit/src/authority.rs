//! An authority of a test's own, what it signs for services, and files for a service to find that in.

use std::{env, fs, path::PathBuf};

use discovery::Registry;
use identity::{
    Mesh, MeshConfig,
    mesh::{PeerTls, ServiceName},
};
pub use rcgen::CertificateParams;
use rcgen::{
    BasicConstraints, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};
use uuid::Uuid;

const TRUST_DOMAIN: &str = "joist.test";

/// An authority; another one has another key.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a service proves itself with.
#[derive(Clone)]
pub struct Papers {
    /// Its certificate, in PEM.
    pub certificate: String,
    /// Its private key, in PEM.
    pub key: String,
}

impl Authority {
    /// A new one.
    #[expect(clippy::new_without_default, reason = "there is no default authority: each has a key of its own")]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// What the good certificate of a service says; a test may make it say something else.
    pub fn params(service: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![uri(&format!("spiffe://{TRUST_DOMAIN}/ns/default/dc/dc1/svc/{service}"))];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params
    }

    /// Signs a certificate for a new key.
    pub fn sign(&self, params: &CertificateParams) -> Papers {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Papers { certificate: certificate.pem(), key: key.serialize_pem() }
    }

    /// A good certificate of a service.
    pub fn papers(&self, service: &str) -> Papers {
        self.sign(&Self::params(service))
    }

    /// The same, but good until the beginning of this year.
    pub fn papers_until(&self, service: &str, year: i32) -> Papers {
        let mut params = Self::params(service);
        params.not_after = date_time_ymd(year, 1, 1);
        self.sign(&params)
    }

    /// A service that has a good certificate.
    pub fn mesh(&self, service: &str) -> Mesh {
        let files = PeerFiles::of(&self.papers(service), &self.pem());
        files.mesh(service).unwrap()
    }
}

/// An alternative name for a certificate.
pub fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// A folder with what a service proves itself with; removed when it is dropped, which a service survives.
pub struct PeerFiles(PathBuf);

impl PeerFiles {
    /// A new folder.
    pub fn of(papers: &Papers, authorities: &str) -> Self {
        let files = Self(env::temp_dir().join(format!("joist-papers-{}", Uuid::new_v4().simple())));
        fs::create_dir(&files.0).unwrap();
        files.write(papers, authorities);
        files
    }

    /// Replaces what is there, one file after the other.
    pub fn write(&self, papers: &Papers, authorities: &str) {
        for (name, text) in
            [("ca.pem", authorities), ("certificate.pem", &papers.certificate), ("key.pem", &papers.key)]
        {
            // At once, as whoever renews files should.
            let new = self.0.join("new");
            fs::write(&new, text).unwrap();
            fs::rename(new, self.0.join(name)).unwrap();
        }
    }

    /// Removes them.
    pub fn delete(&self) {
        for name in ["ca.pem", "certificate.pem", "key.pem"] {
            fs::remove_file(self.0.join(name)).unwrap();
        }
    }

    /// Settings that name them.
    pub fn config(&self) -> MeshConfig {
        MeshConfig {
            peer_tls: PeerTls::Files,
            peer_tls_certificate_file: Some(self.0.join("certificate.pem")),
            peer_tls_key_file: Some(self.0.join("key.pem")),
            peer_tls_ca_file: Some(self.0.join("ca.pem")),
        }
    }

    /// A service that proves itself with them. Errors: they are not fit for that.
    pub fn mesh(&self, service: &str) -> Result<Mesh, String> {
        Mesh::open(&self.config(), service, &Registry::in_process()).map_err(|error| format!("{error:#}"))
    }
}

impl Drop for PeerFiles {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Names of services, for whoever lets in only some.
pub fn services(names: &[&str]) -> Vec<ServiceName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}
