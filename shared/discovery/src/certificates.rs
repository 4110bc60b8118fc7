//! What a service proves itself with, where the registry is an authority as well.

use settings::Secret;

/// A service's certificate, its key, and whom to believe about others.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// The certificate in PEM, intermediate ones after it.
    pub certificate: String,
    /// Its private key, in PEM.
    pub private_key: Secret,
    /// The authorities that vouch for others, in PEM: several while one is being replaced.
    pub authorities: String,
}

impl Certificates {
    /// A key goes with its certificate.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.certificate == other.certificate && self.authorities == other.authorities
    }
}
