//! Whether all books agree: each check says what is wrong, and each of them has been seen to say so.

use std::collections::BTreeMap;

use anyhow::ensure;
use uuid::Uuid;

use super::books::{Books, Charge};
use crate::{cluster::aftermath::Aftermath, drill::report::figure};

/// How many of many are named.
const NAMED: usize = 3;

/// Errors: something does not agree, and it was printed what.
pub fn agree(books: &Books, rest: &Aftermath) -> anyhow::Result<()> {
    let complaints = complaints(books, rest);
    for complaint in &complaints {
        figure("WRONG", complaint);
    }
    ensure!(complaints.is_empty(), "the books do not agree: {}", complaints.join("; "));
    figure("all books agree", "yes");
    Ok(())
}

fn complaints(books: &Books, rest: &Aftermath) -> Vec<String> {
    let checks = [
        acknowledged_orders_exist(books),
        nobody_got_another_order(books),
        all_are_settled(books),
        what_was_called_off_stays_so(books),
        charges_are_for_orders(books),
        confirmed_orders_are_paid_once(books),
        nobody_pays_for_nothing(books),
        the_stock_adds_up(books),
        nothing_is_left_over(rest),
        nothing_was_faulty(books, rest),
    ];
    checks.into_iter().flatten().collect()
}

fn acknowledged_orders_exist(books: &Books) -> Option<String> {
    name("acknowledged and not there", books.acknowledged.iter().filter(|id| !books.orders.contains_key(id)))
}

/// Each customer has sent a request with the same key until there was an answer: there is no order without one.
fn nobody_got_another_order(books: &Books) -> Option<String> {
    name("orders that nobody was told of", books.orders.keys().filter(|id| !books.acknowledged.contains(id)))
}

fn all_are_settled(books: &Books) -> Option<String> {
    let is_settled = |status: &str| matches!(status, "confirmed" | "rejected" | "cancelled");
    name("not settled", books.orders.iter().filter(|(_, order)| !is_settled(&order.status)).map(|(id, _)| id))
}

fn what_was_called_off_stays_so(books: &Books) -> Option<String> {
    let is_off = |id: &&Uuid| books.orders.get(id).is_some_and(|order| order.status == "cancelled");
    name("called off, and not cancelled", books.called_off.iter().filter(|id| !is_off(id)))
}

fn charges_are_for_orders(books: &Books) -> Option<String> {
    let is_right = |charge: &Charge| books.orders.get(&charge.order).is_some_and(|order| order.total == charge.amount);
    let wrong = books.charges.iter().filter(|charge| !is_right(charge));
    name("charges that are not what an order costs", wrong.map(|charge| &charge.order))
}

fn confirmed_orders_are_paid_once(books: &Books) -> Option<String> {
    let (paid, refunded) = (charges(books, "captured"), charges(books, "refunded"));
    let confirmed = books.orders.iter().filter(|(_, order)| order.status == "confirmed").map(|(id, _)| id);
    let wrong = confirmed.filter(|id| paid.get(id) != Some(&1) || refunded.contains_key(id));
    name("confirmed, and not paid exactly once", wrong)
}

fn nobody_pays_for_nothing(books: &Books) -> Option<String> {
    let (paid, refunded) = (charges(books, "captured"), charges(books, "refunded"));
    let not_confirmed = books.orders.iter().filter(|(_, order)| order.status != "confirmed").map(|(id, _)| id);
    let wrong = not_confirmed.filter(|id| paid.contains_key(id) || refunded.get(id).is_some_and(|count| *count > 1));
    name("not confirmed, and yet paid, or refunded more than once", wrong)
}

fn charges(books: &Books, status: &str) -> BTreeMap<Uuid, usize> {
    let mut charges = BTreeMap::new();
    for charge in books.charges.iter().filter(|charge| charge.status == status) {
        *charges.entry(charge.order).or_insert(0) += 1;
    }
    charges
}

/// What is not on the shelves any more was sold to somebody who paid for it.
fn the_stock_adds_up(books: &Books) -> Option<String> {
    let mut expected = books.before.clone();
    for line in &books.lines {
        if books.orders.get(&line.order).is_some_and(|order| order.status == "confirmed") {
            *expected.entry(line.sku.clone()).or_default() -= line.quantity;
        }
    }
    let wrong = expected.iter().filter(|(sku, pieces)| books.after.get(*sku) != Some(pieces));
    name("another stock than was left by what was sold", wrong.map(|(sku, _)| sku))
}

fn nothing_is_left_over(rest: &Aftermath) -> Option<String> {
    let left = [
        ("events in an outbox", rest.unpublished),
        ("payments under way", rest.unpaid),
        ("events that were set aside", rest.set_aside.cast_signed()),
        ("events on the bus", rest.unhandled.cast_signed()),
    ];
    name("left over", left.iter().filter(|(_, count)| *count != 0).map(|(what, _)| what))
}

fn nothing_was_faulty(books: &Books, rest: &Aftermath) -> Option<String> {
    let faults = [("answers with status 500", books.faults != 0), ("events that were refused", rest.refused != 0)];
    name("faults", faults.iter().filter(|(_, is_there)| *is_there).map(|(what, _)| what))
}

/// Nothing where there are none.
fn name(what: &str, which: impl Iterator<Item = impl ToString>) -> Option<String> {
    let which: Vec<_> = which.map(|one| one.to_string()).collect();
    let named = which.get(..NAMED).unwrap_or(&which).join(", ");
    (!which.is_empty()).then(|| format!("{what}: {} ({named})", which.len()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{
        super::books::{Line, Order},
        *,
    };

    const CONFIRMED: Uuid = Uuid::from_u128(1);
    const REJECTED: Uuid = Uuid::from_u128(2);
    const CANCELLED: Uuid = Uuid::from_u128(3);

    /// One order of each kind, all as it should be.
    fn books() -> Books {
        let statuses = [(CONFIRMED, "confirmed"), (REJECTED, "rejected"), (CANCELLED, "cancelled")];
        let orders = statuses.map(|(id, status)| (id, Order { status: status.to_owned(), total: 70 }));
        let lines = statuses.map(|(order, _)| Line { order, sku: "BOX-OAK".to_owned(), quantity: 2 });
        let charges = [(CONFIRMED, "captured"), (REJECTED, "declined"), (CANCELLED, "refunded")];
        let stock = |pieces| BTreeMap::from([("BOX-OAK".to_owned(), pieces)]);
        Books {
            acknowledged: BTreeSet::from([CONFIRMED, REJECTED, CANCELLED]),
            called_off: BTreeSet::from([CANCELLED]),
            faults: 0,
            orders: orders.into(),
            lines: lines.into(),
            before: stock(10),
            after: stock(8),
            charges: charges.map(|(order, status)| charge(order, status)).into(),
            attempts: BTreeMap::new(),
            deliveries: 0,
        }
    }

    fn charge(order: Uuid, status: &str) -> Charge {
        Charge { order, status: status.to_owned(), amount: 70 }
    }

    /// What is said of books in which something was changed.
    fn said<T>(change: impl FnOnce(&mut Books, &mut Aftermath) -> T) -> String {
        let (mut books, mut rest) = (books(), Aftermath::default());
        change(&mut books, &mut rest);
        complaints(&books, &rest).join("; ")
    }

    #[test]
    fn books_that_agree_are_no_cause_for_complaint() {
        assert_eq!(said(|_, _| ()), "");
    }

    #[test]
    fn an_order_that_was_acknowledged_and_is_not_there_is_noticed() {
        let said = said(|books, _| books.acknowledged.insert(Uuid::from_u128(4)));
        assert!(said.starts_with("acknowledged and not there: 1"), "{said}");
    }

    #[test]
    fn a_second_order_for_the_same_wish_is_noticed() {
        let said = said(|books, _| books.acknowledged.remove(&REJECTED));
        assert!(said.starts_with("orders that nobody was told of: 1"), "{said}");
    }

    #[test]
    fn an_order_that_nobody_has_decided_is_noticed() {
        let said = said(|books, _| books.orders.get_mut(&REJECTED).unwrap().status = "pending".to_owned());
        assert!(said.starts_with("not settled: 1"), "{said}");
    }

    #[test]
    fn an_order_that_was_called_off_and_is_there_again_is_noticed() {
        let said = said(|books, _| books.called_off.insert(REJECTED));
        assert!(said.starts_with("called off, and not cancelled: 1"), "{said}");
    }

    #[test]
    fn a_charge_of_something_else_than_the_price_is_noticed() {
        let wrong = "charges that are not what an order costs: 1";
        let said = [
            said(|books, _| books.charges[0].amount = 71),
            said(|books, _| books.charges.push(charge(Uuid::from_u128(4), "declined"))),
        ];
        assert!(said.iter().all(|said| said.starts_with(wrong)), "{said:?}");
    }

    #[test]
    fn a_confirmed_order_that_is_not_paid_exactly_once_is_noticed() {
        let wrong = "confirmed, and not paid exactly once: 1";
        let said = [
            said(|books, _| books.charges.remove(0)),
            said(|books, _| books.charges.push(charge(CONFIRMED, "captured"))),
            said(|books, _| books.charges.push(charge(CONFIRMED, "refunded"))),
        ];
        assert!(said.iter().all(|said| said.starts_with(wrong)), "{said:?}");
    }

    #[test]
    fn who_pays_for_nothing_is_noticed() {
        let wrong = "not confirmed, and yet paid, or refunded more than once: 1";
        let said = [
            said(|books, _| books.charges.push(charge(REJECTED, "captured"))),
            said(|books, _| books.charges.push(charge(CANCELLED, "captured"))),
            said(|books, _| books.charges.push(charge(CANCELLED, "refunded"))),
        ];
        assert!(said.iter().all(|said| said.starts_with(wrong)), "{said:?}");
    }

    #[test]
    fn a_piece_too_much_or_too_few_is_noticed() {
        let wrong = "another stock than was left by what was sold: 1";
        let said = [7, 9].map(|left| said(|books, _| books.after.insert("BOX-OAK".to_owned(), left)));
        assert!(said.iter().all(|said| said.starts_with(wrong)), "{said:?}");
    }

    #[test]
    fn what_is_left_over_is_noticed() {
        let said = [
            said(|_, rest| rest.unpublished = 1),
            said(|_, rest| rest.unpaid = 1),
            said(|_, rest| rest.set_aside = 1),
            said(|_, rest| rest.unhandled = 1),
        ];
        assert!(said.iter().all(|said| said.starts_with("left over: 1")), "{said:?}");
    }

    #[test]
    fn faults_are_noticed() {
        let said = [said(|books, _| books.faults = 1), said(|_, rest| rest.refused = 1)];
        assert!(said.iter().all(|said| said.starts_with("faults: 1")), "{said:?}");
    }
}
