//! Issuers other than our own, and the accounts of those whom they speak for.

use std::{collections::BTreeMap, str::FromStr};

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use jsonwebtoken::Algorithm;
use reqwest::Url;
use thiserror::Error;
use uuid::{Builder, Uuid, uuid};

use crate::Scopes;

/// The namespace (RFC 9562, section 6.6) of the ids of outside accounts. Another one would make other people of them.
const ACCOUNTS: Uuid = uuid!("6f0d2c5e-8d0b-4a7e-9a51-3c1f7b9d2e84");

/// Someone with an account at an issuer that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Outside {
    /// The issuer, as its tokens and our settings call it.
    pub issuer: String,
    /// What the issuer calls this person: at most 255 printable ASCII characters.
    pub subject: String,
}

impl Outside {
    /// The id of the account with us: the UUIDv5 (RFC 9562, section 5.5) of the two, so that every service knows it
    /// without having to ask. They are joined by a space, which no issuer's name has, so that no two pairs are the same.
    pub fn account(&self) -> Uuid {
        let name = [ACCOUNTS.as_bytes(), self.issuer.as_bytes(), b" ", self.subject.as_bytes()].concat();
        let mut id = [0; 16];
        id.copy_from_slice(&digest(&SHA1_FOR_LEGACY_USE_ONLY, &name).as_ref()[..16]);
        Builder::from_sha1_bytes(id).into_uuid()
    }
}

/// An issuer that is believed besides our own, and how far.
///
/// As a setting: `issuer=https://id.example.com jwks=https://id.example.com/keys audience=joist algorithm=RS256
/// scopes=orders:read,orders:write`.
#[derive(Clone, Debug)]
pub struct OutsideIssuer {
    /// The `iss` of its tokens. It has no space.
    pub(crate) issuer: String,
    pub(crate) jwks: Url,
    /// What it calls us.
    pub(crate) audience: String,
    /// What it signs with. A token that names another one is not its token.
    pub(crate) algorithm: Algorithm,
    /// The most that it may give.
    pub(crate) scopes: Scopes,
}

/// A text that describes no such issuer.
#[derive(Debug, Error)]
pub enum OutsideIssuerError {
    /// Something stands there that does not belong there, or twice.
    #[error("expected issuer=… jwks=… audience=… algorithm=… scopes=…, each once, between spaces")]
    Words,
    /// One of the words has nothing behind it, or is not there.
    #[error("{0}=… is missing")]
    Missing(&'static str),
    /// Keys over an open line are anybody's.
    #[error("jwks is a URL of https, or of http on this machine")]
    Jwks,
    /// With a shared secret, whoever verifies could issue, too.
    #[error("algorithm is ES256, EdDSA or RS256")]
    Algorithm,
    /// Not what a scope can be.
    #[error("scopes are printable ASCII without quotes and backslashes, between commas")]
    Scopes,
}

impl FromStr for OutsideIssuer {
    type Err = OutsideIssuerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut words = BTreeMap::new();
        for word in text.split_ascii_whitespace() {
            let (name, value) = word.split_once('=').ok_or(OutsideIssuerError::Words)?;
            if words.insert(name, value).is_some() {
                return Err(OutsideIssuerError::Words);
            }
        }
        let mut take = |name| words.remove(name).filter(|it| !it.is_empty()).ok_or(OutsideIssuerError::Missing(name));
        let issuer = Self {
            issuer: take("issuer")?.to_owned(),
            jwks: jwks(take("jwks")?)?,
            audience: take("audience")?.to_owned(),
            algorithm: algorithm(take("algorithm")?)?,
            scopes: take("scopes")?.replace(',', " ").parse().map_err(|_| OutsideIssuerError::Scopes)?,
        };
        if words.is_empty() { Ok(issuer) } else { Err(OutsideIssuerError::Words) }
    }
}

fn jwks(text: &str) -> Result<Url, OutsideIssuerError> {
    let url: Url = text.parse().map_err(|_| OutsideIssuerError::Jwks)?;
    let is_here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_here);
    if is_safe { Ok(url) } else { Err(OutsideIssuerError::Jwks) }
}

fn algorithm(text: &str) -> Result<Algorithm, OutsideIssuerError> {
    match text {
        "ES256" => Ok(Algorithm::ES256),
        "EdDSA" => Ok(Algorithm::EdDSA),
        "RS256" => Ok(Algorithm::RS256),
        _ => Err(OutsideIssuerError::Algorithm),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "issuer=https://id.example.com jwks=https://id.example.com/keys audience=joist algorithm=RS256 scopes=a:b,c";

    #[test]
    fn an_issuer_is_five_words_in_any_order() {
        let issuer: OutsideIssuer = GOOD.parse().unwrap();
        assert_eq!((issuer.issuer.as_str(), issuer.audience.as_str()), ("https://id.example.com", "joist"));
        assert_eq!((issuer.algorithm, issuer.scopes.to_string().as_str()), (Algorithm::RS256, "a:b c"));
        let reversed = GOOD.split(' ').rev().collect::<Vec<_>>().join("  ");
        assert_eq!(reversed.parse::<OutsideIssuer>().unwrap().issuer, issuer.issuer);
    }

    #[test]
    fn an_issuer_with_a_word_too_few_or_too_many_is_none() {
        for word in GOOD.split(' ') {
            let (name, _) = word.split_once('=').unwrap();
            assert!(GOOD.replace(word, "").parse::<OutsideIssuer>().is_err(), "without {name}");
            assert!(GOOD.replace(word, &format!("{name}=")).parse::<OutsideIssuer>().is_err(), "{name} of nothing");
            assert!(format!("{GOOD} {word}").parse::<OutsideIssuer>().is_err(), "{name} twice");
        }
        for nonsense in ["", "issuer", "nonsense", "=", &format!("{GOOD} and=more"), &format!("{GOOD} more")] {
            assert!(nonsense.parse::<OutsideIssuer>().is_err(), "{nonsense}");
        }
    }

    #[test]
    fn keys_come_by_a_line_that_nobody_else_writes_on() {
        let at = |url: &str| GOOD.replace("jwks=https://id.example.com/keys", &format!("jwks={url}"));
        for safe in ["https://a.example/keys", "http://localhost:8081/keys", "http://127.0.0.1/keys", "http://[::1]/"] {
            assert!(at(safe).parse::<OutsideIssuer>().is_ok(), "{safe}");
        }
        let open = ["http://id.example.com/keys", "http://localhost.example.com/", "ftp://localhost/", "keys"];
        for open in open {
            assert!(at(open).parse::<OutsideIssuer>().is_err(), "{open}");
        }
    }

    #[test]
    fn an_algorithm_is_one_whose_keys_can_be_published() {
        for weak in ["none", "HS256", "PS256", "ES384", "rs256", "RS256,ES256"] {
            assert!(GOOD.replace("RS256", weak).parse::<OutsideIssuer>().is_err(), "{weak}");
        }
    }

    #[test]
    fn an_account_is_the_same_for_everyone_and_for_nobody_else() {
        let outside =
            |issuer: &str, subject: &str| Outside { issuer: issuer.to_owned(), subject: subject.to_owned() }.account();
        let ada = outside("https://id.example.com", "ada");
        // Made with another implementation: accounts outlive releases.
        assert_eq!(ada, uuid!("e65c5770-5651-5529-bc86-e623186f5660"));
        assert_eq!(ada.get_version_num(), 5);
        assert_ne!(ada, outside("https://id.example.com", "eve"));
        assert_ne!(ada, outside("https://id.example.co", "mada"));
        assert_ne!(outside("https://a", "b c"), outside("https://ab", " c"));
    }
}
