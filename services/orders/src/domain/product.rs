//! What can be ordered.

use std::fmt;

use super::{Money, Violation};

/// The stock keeping unit, a product's name among machines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sku(String);

impl Sku {
    const MAX: usize = 64;

    pub fn parse(field: &str, text: &str) -> Result<Self, Violation> {
        let known = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        match (1..=Self::MAX).contains(&text.len()) && text.chars().all(known) {
            true => Ok(Self(text.to_owned())),
            false => Err(Violation::new(field, "must be 1 to 64 capital letters, digits or hyphens")),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Debug)]
pub struct Product {
    pub sku: Sku,
    pub name: String,
    pub description: String,
    pub price: Money,
    pub stock: i64,
}
