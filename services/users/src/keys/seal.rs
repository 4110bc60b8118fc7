//! How a key is kept: encrypted with a secret that is not in the database.

use anyhow::{Context, anyhow};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    hkdf,
};
use settings::Secret;

/// AES-256-GCM (NIST SP 800-38D) under a key derived from a secret (RFC 5869), bound to the id of what is sealed.
pub struct Seal(RandomizedNonceKey);

impl Seal {
    pub fn new(secret: &Secret) -> anyhow::Result<Self> {
        let mut key = [0; 32];
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"joist signing keys");
        salt.extract(secret.expose().as_bytes())
            .expand(&[b"seal"], hkdf::HKDF_SHA256)
            .and_then(|output| output.fill(&mut key))
            .map_err(|_| anyhow!("no key can be derived from KEY_SECRET"))?;
        Ok(Self(RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| anyhow!("the derived key is unusable"))?))
    }

    /// The nonce, then the ciphertext with its tag.
    pub fn close(&self, id: &str, mut key: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let nonce = self.0.seal_in_place_append_tag(Aad::from(id), &mut key);
        let nonce = nonce.map_err(|_| anyhow!("the key cannot be sealed"))?;
        Ok([nonce.as_ref().as_slice(), &key].concat())
    }

    pub fn open(&self, id: &str, sealed: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        let (nonce, ciphertext) = sealed.split_first_chunk().context("the sealed key is too short")?;
        let mut key = ciphertext.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::from(id), &mut key);
        Ok(opened.map_err(|_| anyhow!("the sealed key cannot be opened"))?.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use identity::Signer;

    use super::*;

    fn seal(secret: &str) -> Seal {
        Seal::new(&Secret::from(secret.to_owned())).unwrap()
    }

    #[test]
    fn what_was_sealed_can_be_opened_with_the_same_secret_and_id_only() {
        let secret = "0123456789abcdef0123456789abcdef";
        let sealed = seal(secret).close("a", b"the key".to_vec()).unwrap();
        assert_eq!(seal(secret).open("a", sealed.clone()).unwrap(), b"the key");
        assert!(seal(secret).open("b", sealed.clone()).is_err());
        assert!(seal("another secret of enough characters").open("a", sealed).is_err());
    }

    #[test]
    fn a_sealed_key_shows_nothing_of_the_key() {
        let sealed = seal("0123456789abcdef0123456789abcdef").close("a", b"the key".to_vec()).unwrap();
        assert!(!sealed.windows(7).any(|window| window == b"the key"));
    }

    #[test]
    fn a_sealed_key_is_no_key() {
        let key = Signer::generate().unwrap();
        let sealed = seal("0123456789abcdef0123456789abcdef").close("a", key).unwrap();
        assert!(Signer::from_pkcs8(&sealed).is_err());
    }
}
