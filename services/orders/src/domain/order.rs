//! An order as the books have it.

use time::OffsetDateTime;

use super::{Item, Money, OrderId, Product, Sku, UserId, Violation};

/// A part of an order, with the price of the moment when it was placed.
#[derive(Clone, Debug)]
pub struct Line {
    pub sku: Sku,
    pub name: String,
    pub quantity: i64,
    pub unit_price: Money,
    pub total: Money,
}

impl Line {
    pub(super) fn new(item: &Item, product: &Product) -> Option<Self> {
        Some(Self {
            sku: item.sku.clone(),
            name: product.name.clone(),
            quantity: item.quantity,
            unit_price: product.price,
            total: product.price.times(item.quantity)?,
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Pending,
    Confirmed,
    Rejected,
    Cancelled,
}

impl Status {
    pub fn parse(text: &str) -> Result<Self, Violation> {
        match text {
            "pending" => Ok(Self::Pending),
            "confirmed" => Ok(Self::Confirmed),
            "rejected" => Ok(Self::Rejected),
            "cancelled" => Ok(Self::Cancelled),
            _ => Err(Violation::new("status", "is unknown")),
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn can_be_cancelled(self) -> bool {
        matches!(self, Self::Pending | Self::Confirmed)
    }
}

#[derive(Clone, Debug)]
pub struct Order {
    pub id: OrderId,
    pub user_id: UserId,
    pub status: Status,
    /// In the order of their skus; none in a list of orders.
    pub lines: Vec<Line>,
    pub total: Money,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

impl Order {
    pub(super) fn new(id: OrderId, user_id: UserId, total: Money, lines: Vec<Line>) -> Self {
        let now = OffsetDateTime::now_utc();
        // The database keeps microseconds: the first answer must be the same as every later one.
        let now = now.replace_nanosecond(now.microsecond() * 1000).expect("fewer than a second's nanoseconds");
        Self { id, user_id, status: Status::Pending, lines, total, created_at: now, updated_at: now }
    }

    /// As it was when it was placed, whatever has become of it: lines and total never change.
    pub fn when_placed(self) -> Self {
        Self { status: Status::Pending, updated_at: self.created_at, ..self }
    }
}
