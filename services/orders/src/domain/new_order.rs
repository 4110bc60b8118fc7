//! What a caller wants to order, and why it cannot always be had.

use std::{borrow::Borrow, collections::HashSet};

use thiserror::Error;

use super::{Line, Money, Order, OrderId, Product, Sku, UserId, Violation};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    pub sku: Sku,
    pub quantity: i64,
}

/// What a caller wants: every product once, in the order of their skus.
#[derive(Clone, Debug)]
pub struct NewOrder {
    items: Vec<Item>,
}

impl NewOrder {
    const MAX_ITEMS: usize = 100;
    const MAX_QUANTITY: i64 = 1000;

    /// Errors: everything that is not acceptable.
    pub fn parse(items: &[(String, i64)]) -> Result<Self, Vec<Violation>> {
        if !(1..=Self::MAX_ITEMS).contains(&items.len()) {
            return Err(vec![Violation::new("items", "must be 1 to 100")]);
        }
        let mut accepted = Vec::new();
        let mut violations = Vec::new();
        let mut seen = HashSet::new();
        for (index, (sku, quantity)) in items.iter().enumerate() {
            let field = format!("items[{index}]");
            if !(1..=Self::MAX_QUANTITY).contains(quantity) {
                violations.push(Violation::new(format!("{field}.quantity"), "must be between 1 and 1000"));
            }
            if !seen.insert(sku) {
                violations.push(Violation::new(format!("{field}.sku"), "is there twice"));
            }
            match Sku::parse(&format!("{field}.sku"), sku) {
                Ok(sku) => accepted.push(Item { sku, quantity: *quantity }),
                Err(violation) => violations.push(violation),
            }
        }
        accepted.sort_by(|a, b| a.sku.cmp(&b.sku));
        if violations.is_empty() { Ok(Self { items: accepted }) } else { Err(violations) }
    }

    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The order as it would be with these products, which are what there is of the items' skus.
    pub fn price(&self, id: OrderId, user_id: UserId, products: &[impl Borrow<Product>]) -> Result<Order, Refusal> {
        let mut lines = Vec::with_capacity(self.items.len());
        let mut unknown = Vec::new();
        let mut short = Vec::new();
        for item in &self.items {
            match products.iter().map(Borrow::borrow).find(|product| product.sku == item.sku) {
                None => unknown.push(item.sku.clone()),
                Some(product) if product.stock < item.quantity => short.push(item.sku.clone()),
                Some(product) => lines.push(Line::new(item, product).ok_or(Refusal::TotalTooLarge)?),
            }
        }
        if !unknown.is_empty() {
            return Err(Refusal::UnknownProducts(unknown));
        }
        if !short.is_empty() {
            return Err(Refusal::OutOfStock(short));
        }
        Ok(Order::new(id, user_id, total(&lines)?, lines))
    }

    /// Whether this is what that order was placed for.
    pub fn is_what_was_ordered(&self, order: &Order) -> bool {
        let wanted = self.items.iter().map(|item| (&item.sku, item.quantity));
        wanted.eq(order.lines.iter().map(|line| (&line.sku, line.quantity)))
    }
}

fn total(lines: &[Line]) -> Result<Money, Refusal> {
    let mut totals = lines.iter().map(|line| line.total);
    let first = totals.next().expect("a new order has an item");
    totals.try_fold(first, |sum, total| match total.currency() == sum.currency() {
        true => sum.plus(total).ok_or(Refusal::TotalTooLarge),
        false => Err(Refusal::SeveralCurrencies),
    })
}

/// Why an order cannot be placed as things stand.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    #[error("some products are not in the catalogue")]
    UnknownProducts(Vec<Sku>),
    #[error("not enough in stock of {}", list(.0))]
    OutOfStock(Vec<Sku>),
    #[error("an order has one currency")]
    SeveralCurrencies,
    #[error("the total is too large")]
    TotalTooLarge,
}

fn list(skus: &[Sku]) -> String {
    skus.iter().map(Sku::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Currency;

    fn product(sku: &str, price: i64, currency: &str, stock: i64) -> Product {
        Product {
            sku: Sku::parse("sku", sku).unwrap(),
            name: format!("The {sku}"),
            description: String::new(),
            price: Money::parse(price, Currency::parse(currency).unwrap()).unwrap(),
            stock,
        }
    }

    fn wanted(items: &[(&str, i64)]) -> Result<NewOrder, Vec<Violation>> {
        let items: Vec<_> = items.iter().map(|(sku, quantity)| ((*sku).to_owned(), *quantity)).collect();
        NewOrder::parse(&items)
    }

    fn priced(items: &[(&str, i64)], products: &[Product]) -> Result<Order, Refusal> {
        wanted(items).unwrap().price(OrderId::generate(), UserId(uuid::Uuid::now_v7()), products)
    }

    #[test]
    fn everything_wrong_with_the_items_is_said_at_once() {
        let violations = wanted(&[("BOX-OAK", 0), ("box", 1), ("BOX-OAK", 1001)]).unwrap_err();
        let fields: Vec<_> = violations.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["items[0].quantity", "items[1].sku", "items[2].quantity", "items[2].sku"]);
    }

    #[test]
    fn an_order_has_1_to_100_items() {
        let many: Vec<_> = (0..=100).map(|n| (format!("BOX-{n}"), 1)).collect();
        assert!(NewOrder::parse(&[]).is_err());
        assert!(NewOrder::parse(&many[..100]).is_ok());
        assert!(NewOrder::parse(&many).is_err());
    }

    #[test]
    fn the_total_is_the_sum_of_the_lines() {
        let products = [product("BOX-OAK", 3840, "EUR", 10), product("HOOK-OAK", 940, "EUR", 10)];
        let order = priced(&[("HOOK-OAK", 3), ("BOX-OAK", 2)], &products).unwrap();
        assert_eq!(order.total.amount(), 2 * 3840 + 3 * 940);
        assert_eq!(order.lines[0].sku.as_str(), "BOX-OAK");
    }

    #[test]
    fn unknown_products_come_before_missing_stock() {
        let products = [product("BOX-OAK", 1, "EUR", 0)];
        let refusal = priced(&[("BOX-OAK", 1), ("BOX-GOLD", 1)], &products).unwrap_err();
        assert_eq!(refusal, Refusal::UnknownProducts(vec![Sku::parse("sku", "BOX-GOLD").unwrap()]));
    }

    #[test]
    fn all_that_is_out_of_stock_is_named() {
        let products = [product("BOX-OAK", 1, "EUR", 1), product("HOOK-OAK", 1, "EUR", 0)];
        let refusal = priced(&[("BOX-OAK", 2), ("HOOK-OAK", 1)], &products).unwrap_err();
        assert_eq!(refusal.to_string(), "not enough in stock of BOX-OAK, HOOK-OAK");
    }

    #[test]
    fn an_order_has_one_currency() {
        let products = [product("BOX-OAK", 1, "EUR", 9), product("BOX-WALNUT", 1, "USD", 9)];
        assert_eq!(priced(&[("BOX-OAK", 1), ("BOX-WALNUT", 1)], &products).unwrap_err(), Refusal::SeveralCurrencies);
    }

    #[test]
    fn a_total_that_cannot_be_counted_is_refused() {
        let one = [product("BOX-OAK", Money::MAX, "EUR", 9)];
        assert_eq!(priced(&[("BOX-OAK", 2)], &one).unwrap_err(), Refusal::TotalTooLarge);
        let two = [product("BOX-ASH", Money::MAX, "EUR", 9), product("BOX-OAK", 1, "EUR", 9)];
        assert_eq!(priced(&[("BOX-OAK", 1), ("BOX-ASH", 1)], &two).unwrap_err(), Refusal::TotalTooLarge);
    }

    #[test]
    fn the_same_items_in_another_order_are_the_same() {
        let products = [product("BOX-OAK", 1, "EUR", 9), product("HOOK-OAK", 1, "EUR", 9)];
        let order = priced(&[("BOX-OAK", 1), ("HOOK-OAK", 2)], &products).unwrap();
        assert!(wanted(&[("HOOK-OAK", 2), ("BOX-OAK", 1)]).unwrap().is_what_was_ordered(&order));
        assert!(!wanted(&[("HOOK-OAK", 1), ("BOX-OAK", 1)]).unwrap().is_what_was_ordered(&order));
        assert!(!wanted(&[("BOX-OAK", 1)]).unwrap().is_what_was_ordered(&order));
    }

    proptest! {
        #[test]
        fn items_are_kept_in_the_order_of_their_skus(skus in proptest::collection::hash_set("[A-Z0-9-]{1,8}", 1..50)) {
            let items: Vec<_> = skus.into_iter().map(|sku| (sku, 1)).collect();
            prop_assert!(NewOrder::parse(&items).unwrap().items().is_sorted_by(|a, b| a.sku < b.sku));
        }
    }
}
