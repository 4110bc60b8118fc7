//! A certificate with its key and the authorities that it is believed by, once all of it is known to be good.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use rustls::{
    CertificateError, RootCertStore,
    client::verify_server_cert_signed_by_trust_anchor,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{ParsedCertificate, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};
use thiserror::Error;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    spiffe_id::SpiffeId,
    verify::{Refusal, identify},
};

/// The last second that a certificate can name (RFC 5280, section 4.1.2.5.2), from 1970.
const LAST_SECOND: u64 = 253_402_300_799;

/// What is to be read.
pub(super) struct Pem<'a> {
    pub certificate: &'a [u8],
    pub private_key: &'a [u8],
    pub authorities: &'a [u8],
}

/// Why it is not used.
#[derive(Debug, Error)]
pub(super) enum Unfit {
    #[error("there is no certificate that can be read")]
    Certificate,
    // What is wrong with it is not told: the parser's words may be the key's.
    #[error("there is no private key that can be read")]
    Key,
    #[error("there is no certificate of an authority that can be read")]
    Authorities,
    #[error("the private key is not the certificate's")]
    Pair(#[source] rustls::Error),
    #[error(transparent)]
    Nobody(#[from] Refusal),
    #[error("the certificate is of {0}, and this is {1}")]
    SomebodyElse(SpiffeId, String),
    #[error("the authorities do not vouch for the certificate")]
    Unbelievable(#[source] rustls::Error),
}

/// All that a process needs to prove who it is, and to judge others.
pub(super) struct Certified {
    pub id: SpiffeId,
    pub key: Arc<CertifiedKey>,
    pub roots: RootCertStore,
    /// Judges the chain of a caller's certificate.
    pub callers: Arc<dyn ClientCertVerifier>,
    /// In seconds from 1970.
    valid_until: u64,
}

impl Certified {
    /// Errors: others would not believe it, or it is not this service's.
    pub fn read(pem: &Pem<'_>, service: &str) -> Result<Self, Unfit> {
        let chain = certificates(pem.certificate).ok_or(Unfit::Certificate)?;
        let (leaf, intermediates) = chain.split_first().ok_or(Unfit::Certificate)?;
        let id = identify(leaf)?;
        if id.service().as_str() != service {
            return Err(Unfit::SomebodyElse(id, service.to_owned()));
        }
        let roots = roots(pem.authorities).ok_or(Unfit::Authorities)?;
        let callers = WebPkiClientVerifier::builder_with_provider(Arc::new(roots.clone()), PROVIDER.clone());
        let callers = callers.build().map_err(|_| Unfit::Authorities)?;
        let now = UnixTime::now();
        verify_server(&roots, leaf, intermediates, now).map_err(Unfit::Unbelievable)?;
        callers.verify_client_cert(leaf, intermediates, now).map_err(Unfit::Unbelievable)?;
        let valid_until = valid_until(&roots, leaf, intermediates);
        let private_key = PrivateKeyDer::from_pem_slice(pem.private_key).map_err(|_| Unfit::Key)?;
        let key = CertifiedKey::from_der(chain, private_key, &PROVIDER).map_err(Unfit::Pair)?;
        Ok(Self { id, key: Arc::new(key), roots, callers, valid_until })
    }

    /// As RFC 3339 writes it.
    pub fn good_until(&self) -> String {
        let end = i64::try_from(self.valid_until).ok().and_then(|end| OffsetDateTime::from_unix_timestamp(end).ok());
        end.and_then(|end| end.format(&Rfc3339).ok()).unwrap_or_default()
    }

    /// Fewer than none, when it is over.
    pub fn seconds_left(&self) -> f64 {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        i64::try_from(self.valid_until).map_or(f64::INFINITY, |end| (end - now) as f64)
    }
}

/// The one crypto provider, named here so that nothing depends on what a process has installed.
pub(super) static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(aws_lc_rs::default_provider()));

/// Errors: no authority vouches for it at this time. Whose it is, is another question.
pub(super) fn verify_server(
    roots: &RootCertStore,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), rustls::Error> {
    let algorithms = PROVIDER.signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(
        &ParsedCertificate::try_from(leaf)?,
        roots,
        intermediates,
        now,
        algorithms,
    )
}

/// What verifies certificates tells when one ends only by refusing it: so it is asked about the end of time.
fn valid_until(roots: &RootCertStore, leaf: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> u64 {
    let end_of_time = UnixTime::since_unix_epoch(Duration::from_secs(LAST_SECOND));
    match verify_server(roots, leaf, intermediates, end_of_time) {
        Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            not_after.as_secs()
        }
        _ => LAST_SECOND,
    }
}

/// `None` where there is something that cannot be read.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()
}

fn roots(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(pem)? {
        roots.add(authority).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}
