//! What a token allows its bearer to do.

use std::{collections::BTreeSet, fmt, str::FromStr};

use thiserror::Error;

/// A set of scopes (RFC 6749, section 3.3); as text, between single spaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(BTreeSet<String>);

/// A text with a character that no scope has.
#[derive(Debug, Error)]
#[error("scopes are printable ASCII without quotes and backslashes, between spaces")]
pub struct ScopesError;

impl Scopes {
    /// Whether this one is among them.
    pub fn contains(&self, scope: &str) -> bool {
        self.0.contains(scope)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that both have.
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Each of them, in the order of the alphabet.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for Scopes {
    type Err = ScopesError;

    fn from_str(text: &str) -> Result<Self, ScopesError> {
        let fit = |b: u8| matches!(b, b'!' | b'#'..=b'[' | b']'..=b'~');
        let scopes = text.split(' ').filter(|scope| !scope.is_empty());
        scopes.map(|scope| scope.bytes().all(fit).then(|| scope.to_owned()).ok_or(ScopesError)).collect()
    }
}

impl FromIterator<String> for Scopes {
    fn from_iter<I: IntoIterator<Item = String>>(scopes: I) -> Self {
        Self(scopes.into_iter().collect())
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.iter().enumerate() {
            let between = if position == 0 { "" } else { " " };
            write!(f, "{between}{scope}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_stand_between_spaces_in_any_order_once() {
        let scopes: Scopes = "orders:write  orders:read orders:write".parse().unwrap();
        assert_eq!(scopes.to_string(), "orders:read orders:write");
        assert!(scopes.contains("orders:read") && !scopes.contains("orders"));
        assert!("".parse::<Scopes>().unwrap().is_empty());
    }

    #[test]
    fn what_no_scope_can_have_is_refused() {
        for nonsense in ["a\"b", "a\\b", "a\tb", "é", "a\nb"] {
            assert!(nonsense.parse::<Scopes>().is_err(), "{nonsense:?}");
        }
    }

    #[test]
    fn nobody_gets_more_than_both_allow() {
        let (asked, allowed): (Scopes, Scopes) = ("admin a b".parse().unwrap(), "b a c".parse().unwrap());
        assert_eq!(asked.and(&allowed).to_string(), "a b");
    }
}
