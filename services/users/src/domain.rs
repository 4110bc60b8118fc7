//! The words of the users service; a value of these types is acceptable, or it would not be there.

mod attempts;
mod clients;
mod opaque;
mod people;
pub mod permissions;

use std::fmt;

use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::{
    attempts::Attempt,
    clients::{Client, ClientId, RedirectUri},
    opaque::{Challenge, Digest, digest, random},
    people::{Family, Person},
};

/// A value that is not acceptable, with the field it stands in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{field} {problem}")]
pub struct Violation {
    pub field: &'static str,
    pub problem: &'static str,
}

impl Violation {
    const fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserId(pub Uuid);

impl UserId {
    /// A new one, later than those before it.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    pub fn parse(text: &str) -> Result<Self, Violation> {
        Uuid::try_parse(text).map(Self).map_err(|_| Violation::new("id", "must be a UUID"))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An e-mail address in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// The longest address that can be in an SMTP path (RFC 5321, section 4.5.3.1.3).
    const MAX: usize = 254;

    pub fn parse(text: &str) -> Result<Self, Violation> {
        let email = text.trim().to_lowercase();
        if email.len() > Self::MAX {
            return Err(Violation::new("email", "must have at most 254 characters"));
        }
        let strange = |c: char| c.is_control() || c.is_whitespace();
        let well_formed = match email.split_once('@') {
            Some((local, domain)) => !local.is_empty() && is_domain(domain) && !email.contains(strange),
            None => false,
        };
        match well_formed {
            true => Ok(Self(email)),
            false => Err(Violation::new("email", "must be an address like name@example.com")),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Labels between dots; whether it exists is for the mail to find out.
fn is_domain(text: &str) -> bool {
    !text.contains('@') && text.split('.').all(|label| !label.is_empty())
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    const MAX: usize = 100;

    pub fn parse(text: &str) -> Result<Self, Violation> {
        let name = text.trim();
        if name.is_empty() || name.chars().count() > Self::MAX {
            return Err(Violation::new("display_name", "must have 1 to 100 characters"));
        }
        if name.contains(char::is_control) {
            return Err(Violation::new("display_name", "must not have control characters"));
        }
        Ok(Self(name.to_owned()))
    }

    /// Of somebody of whom we know nothing else that can be trusted.
    pub fn of_a_stranger() -> Self {
        Self("New customer".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A password as typed.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Bounds what a stranger can make us hash.
    const MAX: usize = 256;
    const MIN: usize = 8;

    pub fn parse(text: String) -> Result<Self, Violation> {
        match (Self::MIN..=Self::MAX).contains(&text.chars().count()) {
            true => Ok(Self(text)),
            false => Err(Violation::new("password", "must have 8 to 256 characters")),
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// Who wants to sign up.
#[derive(Debug)]
pub struct NewUser {
    pub email: Email,
    pub display_name: DisplayName,
    pub password: Password,
}

impl NewUser {
    /// Errors: everything that is not acceptable.
    pub fn parse(email: &str, display_name: &str, password: String) -> Result<Self, Vec<Violation>> {
        match (Email::parse(email), DisplayName::parse(display_name), Password::parse(password)) {
            (Ok(email), Ok(display_name), Ok(password)) => Ok(Self { email, display_name, password }),
            (email, display_name, password) => {
                Err([email.err(), display_name.err(), password.err()].into_iter().flatten().collect())
            }
        }
    }
}

/// What is to be changed of an account.
#[derive(Debug, Default)]
pub struct Changes {
    pub email: Option<Email>,
    pub display_name: Option<DisplayName>,
}

/// The version of an account that a caller has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Etag {
    Any,
    Version(i64),
}

#[derive(Clone, Debug)]
pub struct User {
    pub id: UserId,
    /// None: somebody who signs in elsewhere has not told us.
    pub email: Option<Email>,
    pub display_name: DisplayName,
    pub version: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

impl User {
    pub fn etag(&self) -> String {
        self.version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_email_is_one_however_it_is_written() {
        let written = ["ada@example.com", " Ada@Example.COM\n", "ADA@EXAMPLE.COM"];
        for email in written {
            assert_eq!(Email::parse(email).unwrap().as_str(), "ada@example.com");
        }
    }

    #[test]
    fn what_is_no_email_is_refused() {
        let long = format!("{}@example.com", "a".repeat(400));
        let nonsense =
            ["", "ada", "@example.com", "ada@", "ada@@example.com", "a@b@c", "ada@.com", "a\0@b.c", "a b@c.d", &long];
        for email in nonsense {
            assert!(Email::parse(email).is_err(), "{email:?}");
        }
    }

    #[test]
    fn a_display_name_has_a_bound_in_characters_not_bytes() {
        assert!(DisplayName::parse(&"é".repeat(100)).is_ok());
        assert!(DisplayName::parse(&"é".repeat(101)).is_err());
        assert!(DisplayName::parse("Ada\u{7}").is_err());
        assert!(DisplayName::parse("  ").is_err());
    }

    #[test]
    fn a_password_has_8_to_256_characters() {
        for (length, acceptable) in [(7, false), (8, true), (256, true), (257, false)] {
            assert_eq!(Password::parse("x".repeat(length)).is_ok(), acceptable, "{length}");
        }
    }

    #[test]
    fn a_password_is_never_printed() {
        let user = NewUser::parse("ada@example.com", "Ada", "correct horse".into()).unwrap();
        assert!(!format!("{user:?}").contains("correct horse"));
    }

    #[test]
    fn everything_wrong_with_a_new_user_is_said_at_once() {
        let violations = NewUser::parse("ada", "", "short".into()).unwrap_err();
        let fields: Vec<_> = violations.iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["email", "display_name", "password"]);
    }

    proptest! {
        #[test]
        fn an_accepted_email_is_accepted_again_unchanged(text in ".{0,40}@.{0,40}") {
            if let Ok(email) = Email::parse(&text) {
                prop_assert_eq!(Email::parse(email.as_str()).unwrap(), email);
            }
        }
    }
}
