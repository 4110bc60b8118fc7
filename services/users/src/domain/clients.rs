//! Programs that ask for tokens, and where they may send people.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use identity::Scopes;
use url::Url;
use uuid::Uuid;

use super::{Digest, Violation, digest};

/// A name: never a UUID, since those are people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientId(String);

impl ClientId {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        match (3..=64).contains(&text.len()) && text.bytes().all(fits) && Uuid::try_parse(text).is_err() {
            true => Ok(Self(text.to_owned())),
            false => Err(Violation::new("client_id", "must have 3 to 64 of the characters a-z, 0-9 and -")),
        }
    }

    /// Our own: it takes the password itself (`POST /v1/sessions`).
    pub fn joist() -> Self {
        Self("joist".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a client is told how it went (RFC 6749, section 3.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectUri(String);

impl RedirectUri {
    /// `https`; `http` on this machine; a scheme of an app's own, which has a dot (RFC 8252, section 7).
    pub fn parse(text: &str) -> Result<Self, Violation> {
        let refused = |problem| Err(Violation::new("redirect_uri", problem));
        let Ok(url) = Url::parse(text) else { return refused("must be an absolute URI") };
        if !text.bytes().all(|b| b.is_ascii_graphic()) || text.contains(['"', '<', '>', '\\']) {
            return refused("must be written in the characters of a URI");
        }
        if url.fragment().is_some() {
            return refused("must not have a fragment");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("must not have a user");
        }
        match url.scheme() {
            "https" => Ok(Self(text.to_owned())),
            "http" if loopback(text).is_some() => Ok(Self(text.to_owned())),
            "http" => refused("must be https, or http on 127.0.0.1 or [::1]"),
            scheme if scheme.contains('.') => Ok(Self(text.to_owned())),
            _ => refused("must be https, or have a scheme with a dot in it"),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// To the letter; but a program on the person's own machine takes whichever port is free (RFC 8252, section 7.3).
    fn admits(&self, asked: &str) -> bool {
        self.0 == asked || loopback(&self.0).is_some_and(|own| loopback(asked) == Some(own))
    }
}

/// The address and what follows the port, of an `http` URI of this machine. By its number: what `localhost` is, others
/// may decide.
fn loopback(uri: &str) -> Option<(&'static str, &str)> {
    let (host, rest) =
        ["http://127.0.0.1", "http://[::1]"].iter().find_map(|host| Some((*host, uri.strip_prefix(host)?)))?;
    let rest = match rest.strip_prefix(':') {
        None => rest,
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            rest[..digits].parse::<u16>().ok()?;
            &rest[digits..]
        }
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

/// A program that was registered.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: ClientId,
    pub scopes: Scopes,
    pub redirect_uris: Vec<RedirectUri>,
    /// None: a public client, such as an app, from which anybody could read it.
    pub secret_hash: Option<Digest>,
}

impl Client {
    pub fn is_public(&self) -> bool {
        self.secret_hash.is_none()
    }

    /// A program by itself has a secret, and nobody to send anywhere.
    pub fn acts_for_itself(&self) -> bool {
        !self.is_public() && self.redirect_uris.is_empty()
    }

    pub fn redirects_to(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered.admits(uri))
    }

    /// Whether it has proven itself: a public one by having nothing to prove.
    pub fn is_proven_by(&self, secret: Option<&str>) -> bool {
        match (&self.secret_hash, secret) {
            (None, None) => true,
            (Some(hash), Some(secret)) => verify_slices_are_equal(hash, &digest(secret)).is_ok(),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(registered: &str, asked: &str) -> bool {
        RedirectUri::parse(registered).unwrap().admits(asked)
    }

    #[test]
    fn a_client_has_a_name_that_no_person_can_have() {
        for name in ["shop-app", "abc", "7-up"] {
            assert!(ClientId::parse(name).is_ok(), "{name}");
        }
        for name in ["", "ab", "Shop", "a b", "a_b", "é-app", &"a".repeat(65), "0199aa5e-1111-7abc-8def-0123456789ab"]
        {
            assert!(ClientId::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn people_are_sent_to_safe_places_only() {
        let good =
            ["https://app.example/cb?x=1", "http://127.0.0.1/cb", "http://[::1]:7/cb", "com.example.app:/signed-in"];
        for uri in good {
            assert!(RedirectUri::parse(uri).is_ok(), "{uri}");
        }
        let bad = [
            "",
            "/cb",
            "http://app.example/cb",
            "http://localhost/cb",
            "http://127.0.0.1.evil.example/cb",
            "https://app.example/cb#x",
            "https://ada@app.example/cb",
            "javascript:alert(1)",
            "myapp:/cb",
            "https://app.example/ü",
            "https://app.example/\"><script>",
        ];
        for uri in bad {
            assert!(RedirectUri::parse(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn a_redirect_uri_is_compared_to_the_letter() {
        assert!(admits("https://app.example/cb", "https://app.example/cb"));
        for other in [
            "https://app.example/cb/",
            "https://app.example/CB",
            "https://app.example:443/cb",
            "https://app.example/cb?x",
        ] {
            assert!(!admits("https://app.example/cb", other), "{other}");
        }
    }

    #[test]
    fn on_this_machine_any_port_will_do() {
        for asked in ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb"] {
            assert!(admits("http://127.0.0.1/cb", asked), "{asked}");
        }
        let others = [
            "http://[::1]/cb",
            "http://127.0.0.1:70000/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:1/other",
            "https://127.0.0.1:1/cb",
        ];
        for asked in others {
            assert!(!admits("http://127.0.0.1/cb", asked), "{asked}");
        }
    }
}
