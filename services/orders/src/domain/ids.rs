//! What orders, their owners and repeated requests are known by.

use std::fmt;

use uuid::Uuid;

use super::Violation;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OrderId(pub Uuid);

impl OrderId {
    /// A new one, later than those before it.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    pub fn parse(text: &str) -> Result<Self, Violation> {
        Uuid::try_parse(text).map(Self).map_err(|_| Violation::new("id", "must be a UUID"))
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UserId(pub Uuid);

impl UserId {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        Uuid::try_parse(text).map(Self).map_err(|_| Violation::new("user_id", "must be a UUID"))
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What makes a repeated request the same request.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    const MAX: usize = 255;

    pub fn parse(text: &str) -> Result<Self, Violation> {
        match (1..=Self::MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()) {
            true => Ok(Self(text.to_owned())),
            false => Err(Violation::new("idempotency_key", "must be 1 to 255 visible ASCII characters")),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_uuid() {
        let id = OrderId::generate();
        assert_eq!(OrderId::parse(&id.to_string()).unwrap(), id);
        for nonsense in ["", "7", "not-a-uuid", "0193a5b0-0000-7000-8000-00000000000g"] {
            assert!(OrderId::parse(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn a_later_order_has_a_greater_id() {
        let ids: Vec<_> = (0..100).map(|_| OrderId::generate().0).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn an_idempotency_key_is_visible_and_short() {
        assert!(IdempotencyKey::parse("a").is_ok());
        assert!(IdempotencyKey::parse(&"k".repeat(255)).is_ok());
        for nonsense in ["", " ", "a b", "é", "a\0", &"k".repeat(256)] {
            assert!(IdempotencyKey::parse(nonsense).is_err(), "{nonsense:?}");
        }
    }
}
