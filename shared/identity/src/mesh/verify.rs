//! Whom to believe: a chain of certificates to an authority of ours, and the one name in it.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::verify_tls13_signature,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use thiserror::Error;
use webpki::EndEntityCert;

use super::{
    certified::{Certified, PROVIDER, verify_server},
    current::Current,
    spiffe_id::{ServiceName, SpiffeId},
};

/// Of what a certificate says, no more than this is repeated, in bytes.
const QUOTED: usize = 256;

/// Nobody asks: neither side offers it.
const NO_TLS12: PeerIncompatible = PeerIncompatible::SupportedVersionsExtensionRequired;

/// Why a peer is not believed: for our log alone.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    #[error("the certificate cannot be read")]
    Unreadable,
    #[error("the certificate has {0} URIs, and not one")]
    Uris(usize),
    #[error("the certificate's URI {0:?} is no id of a service")]
    NoService(String),
    #[error("{0}: {1}")]
    Chain(String, Error),
    #[error("{0} is no service of this system")]
    Stranger(SpiffeId),
    #[error("{0} is not {1}")]
    SomebodyElse(SpiffeId, String),
    #[error("{0} is not allowed to call")]
    NotAllowed(SpiffeId),
    #[error("there is no certificate of our own yet")]
    TooEarly,
}

/// Whatever the reason, the peer is told the same: alert 46, "certificate unknown".
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(refusal))))
    }
}

/// Whose certificate it says it is: a certificate has one URI, and that is its id (X509-SVID, section 2).
///
/// <https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md>
pub(super) fn identify(leaf: &CertificateDer<'_>) -> Result<SpiffeId, Refusal> {
    let leaf = EndEntityCert::try_from(leaf).map_err(|_| Refusal::Unreadable)?;
    let uris: Vec<_> = leaf.valid_uri_names().collect();
    let [uri] = uris[..] else { return Err(Refusal::Uris(uris.len())) };
    uri.parse().map_err(|_| Refusal::NoService(uri.chars().take(QUOTED).collect()))
}

/// Believes the instances of one service.
#[derive(Debug)]
pub(super) struct Called {
    pub current: Current,
    pub service: String,
}

/// Believes the instances of those that may call.
#[derive(Debug)]
pub(super) struct Callers {
    pub current: Current,
    pub allowed: Vec<ServiceName>,
}

/// Returns who it is, if the chain is good and it belongs to our system.
fn judge(
    current: &Current,
    leaf: &CertificateDer<'_>,
    verify_chain: impl FnOnce(&Certified) -> Result<(), Error>,
) -> Result<SpiffeId, Refusal> {
    let ours = current.get().ok_or(Refusal::TooEarly)?;
    let id = identify(leaf);
    verify_chain(&ours).map_err(|error| Refusal::Chain(said(&id), error))?;
    let id = id?;
    if id.is_neighbour_of(&ours.id) { Ok(id) } else { Err(Refusal::Stranger(id)) }
}

/// What an unproven certificate says of itself.
fn said(id: &Result<SpiffeId, Refusal>) -> String {
    match id {
        Ok(id) => format!("whoever says to be {id}"),
        Err(refusal) => refusal.to_string(),
    }
}

impl ServerCertVerifier for Called {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let id = judge(&self.current, leaf, |ours| verify_server(&ours.roots, leaf, intermediates, now))?;
        if id.service().as_str() != self.service {
            return Err(Refusal::SomebodyElse(id, self.service.clone()).into());
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(NO_TLS12.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &PROVIDER.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Callers {
    /// A caller has one certificate: there is nothing to choose, and the authorities are nobody's business.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let id =
            judge(&self.current, leaf, |ours| ours.callers.verify_client_cert(leaf, intermediates, now).map(|_| ()))?;
        if !self.allowed.contains(id.service()) {
            return Err(Refusal::NotAllowed(id).into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(NO_TLS12.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, leaf, signed, &PROVIDER.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        PROVIDER.signature_verification_algorithms.supported_schemes()
    }
}
