//! What orders and payments are known by.

use std::fmt;

use uuid::Uuid;

/// An order of another service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderId(pub Uuid);

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A payment, here and at the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentId(pub Uuid);

impl PaymentId {
    /// A new one, later than those before it.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl fmt::Display for PaymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
