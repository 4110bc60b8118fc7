//! The words of the payments service; a value of these types is acceptable, or it would not be there.

mod ids;
mod money;
mod payment;

use thiserror::Error;

pub use ids::{OrderId, PaymentId};
pub use money::{Currency, Money};
pub use payment::{News, Payment, Status, Task};

/// A value that is not acceptable, with the field it stands in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{field} {problem}")]
pub struct Violation {
    pub field: &'static str,
    pub problem: &'static str,
}

impl Violation {
    pub fn new(field: &'static str, problem: &'static str) -> Self {
        Self { field, problem }
    }
}
