//! Who is calling: access tokens, made by whoever issues them and verified by whoever is called; and [`mesh`], the proof of
//! which service a process is.
//!
//! An access token is a JWT (RFC 7519) of the profile of RFC 9068, signed with the one algorithm of its issuer: ours is
//! ES256. It travels as `authorization: Bearer …` over HTTP and as gRPC metadata of the same name.

#![warn(missing_docs)]

mod caller;
mod claims;
mod jwks_url;
mod keys;
pub mod mesh;
mod outside;
mod policy;
mod scopes;
mod signer;
mod trusted;
mod verified;
mod verifier;

pub use caller::{Caller, Subject};
pub use claims::{Config, Issuer};
pub use jsonwebtoken::jwk::JwkSet;
pub use jwks_url::{JwksUrl, JwksUrlError};
pub use keys::FetchError;
pub use mesh::{Mesh, MeshConfig};
pub use outside::{Outside, OutsideIssuer, OutsideIssuerError};
pub use policy::{Access, Denied, Policy};
pub use scopes::{Scopes, ScopesError};
pub use signer::{Grant, Signer, SignerError};
pub use verifier::{Error, Verifier};

/// Makes aws-lc the one crypto provider of the process; called first in `main`, before anything speaks TLS.
pub fn install_crypto_provider() {
    // It fails only where one is installed already, which is then the one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
