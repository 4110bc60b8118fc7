//! Random texts that are as good as a key: codes, refresh tokens, secrets of clients; and how we remember them.

use aws_lc_rs::{digest, rand};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use settings::Secret;

/// SHA-256. Fit for what nobody can guess, and for nothing that a person has thought of.
pub type Digest = [u8; 32];

/// 256 random bits in base64url.
pub fn random() -> Secret {
    let mut bits = [0; 32];
    rand::fill(&mut bits).expect("the system does not run out of randomness");
    BASE64_URL_SAFE_NO_PAD.encode(bits).into()
}

/// All that is kept of such a text.
pub fn digest(text: &str) -> Digest {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// What a client announces when it asks for a code, so that nobody else can use it (PKCE: RFC 7636, section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// By S256: a digest in base64url.
    pub fn parse(text: &str) -> Option<Self> {
        let decoded = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        (decoded.len() == 32).then(|| Self(text.to_owned()))
    }

    /// The one that this verifier answers, if it is one (RFC 7636, section 4.1).
    pub fn of_verifier(verifier: &str) -> Option<Self> {
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        let is_one = (43..=128).contains(&verifier.len()) && verifier.bytes().all(fits);
        is_one.then(|| Self(BASE64_URL_SAFE_NO_PAD.encode(self::digest(verifier))))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_are_the_same() {
        let (one, other) = (random(), random());
        assert_ne!(one.expose(), other.expose());
        assert_eq!(one.expose().len(), 43);
    }

    #[test]
    fn a_verifier_answers_its_challenge() {
        // RFC 7636, appendix B.
        let challenge = Challenge::of_verifier("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(challenge, Challenge::parse("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
        assert!(challenge.is_some());
    }

    #[test]
    fn what_cannot_be_a_challenge_or_a_verifier_is_none() {
        for text in ["", "short", &"a".repeat(42), &"a".repeat(44), &"ä".repeat(22)] {
            assert_eq!(Challenge::parse(text), None, "{text}");
        }
        for text in ["", &"a".repeat(42), &"a".repeat(129), &"ä".repeat(43), &" ".repeat(43)] {
            assert_eq!(Challenge::of_verifier(text), None, "{text}");
        }
    }
}
