//! The words of the orders service; a value of these types is acceptable, or it would not be there.

mod history;
mod ids;
mod money;
mod new_order;
mod order;
mod page;
mod product;
mod status;

use thiserror::Error;

pub use history::{History, Version};
pub use ids::{IdempotencyKey, OrderId, UserId};
pub use money::{Currency, Money};
pub use new_order::{Item, NewOrder, Refusal};
pub use order::{Line, Order};
pub use page::{Page, PageSize};
pub use product::{Product, Sku};
pub use status::{Reason, Status, WrongState};

/// A value that is not acceptable, with the field it stands in.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{field} {problem}")]
pub struct Violation {
    pub field: String,
    pub problem: &'static str,
}

impl Violation {
    fn new(field: impl Into<String>, problem: &'static str) -> Self {
        Self { field: field.into(), problem }
    }
}
