//! An order as the books have it.

use time::OffsetDateTime;

use super::{Item, Money, OrderId, Product, Reason, Sku, Status, UserId, WrongState};

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

#[derive(Clone, Debug)]
pub struct Order {
    pub id: OrderId,
    pub user_id: UserId,
    pub status: Status,
    /// Counts its changes, from 1 on.
    pub version: i64,
    /// In the order of their skus; none in a list of orders.
    pub lines: Vec<Line>,
    pub total: Money,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

impl Order {
    pub(super) fn new(id: OrderId, user_id: UserId, total: Money, lines: Vec<Line>) -> Self {
        let now = now();
        Self { id, user_id, status: Status::Pending, version: 1, lines, total, created_at: now, updated_at: now }
    }

    /// As it is after this.
    ///
    /// Errors: it cannot happen any more.
    pub fn after(&self, reason: Reason) -> Result<Self, WrongState> {
        let status = self.status.after(reason)?;
        // Another replica's clock, which may be ahead, made the last change.
        let updated_at = now().max(self.updated_at);
        Ok(Self { status, version: self.version + 1, updated_at, ..self.clone() })
    }

    /// As it was when it was placed, whatever has become of it: lines and total never change.
    pub fn when_placed(self) -> Self {
        Self { status: Status::Pending, version: 1, updated_at: self.created_at, ..self }
    }
}

/// The database keeps microseconds: the first answer must be the same as every later one.
fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(now.microsecond() * 1000).expect("fewer than a second's nanoseconds")
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, sample::select};
    use uuid::Uuid;

    use super::*;
    use crate::domain::Currency;

    const REASONS: [Reason; 4] = [Reason::Paid, Reason::Declined, Reason::CalledOff, Reason::Expired];

    fn order() -> Order {
        let total = Money::parse(1, Currency::parse("EUR").unwrap()).unwrap();
        Order::new(OrderId::generate(), UserId(Uuid::now_v7()), total, Vec::new())
    }

    proptest! {
        #[test]
        fn every_change_raises_the_version_by_one(reasons in proptest::collection::vec(select(&REASONS), 0..20)) {
            let mut order = order();
            for reason in reasons {
                let Ok(after) = order.after(reason) else { continue };
                prop_assert_eq!(after.version, order.version + 1);
                prop_assert_ne!(after.status, order.status);
                order = after;
            }
            prop_assert!(order.version <= 3);
        }
    }
}
