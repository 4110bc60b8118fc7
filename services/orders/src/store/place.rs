//! Placing an order: it is priced by its products as they were seen last, and one statement takes them if they are still
//! that. This is one round trip, however many lines the order has, and nobody waits for another's round trips while a
//! product is locked.

use database::{Connection, violated_constraint};
use events::Outbox;
use rpc::deadline;
use sqlx::{query_file, query_scalar};

use super::{KEYS_ARE_KEPT, Store, orders};
use crate::{
    domain::{IdempotencyKey, NewOrder, Order, OrderId, UserId},
    error::Error,
    messages,
};

/// An order that is there.
pub enum Placed {
    Now(Order),
    /// By an earlier request with the same key: as it was answered then.
    Before(Order),
}

impl Store {
    /// Takes the stock and writes the order, or does nothing.
    pub async fn place(
        &self,
        user_id: UserId,
        wanted: &NewOrder,
        key: Option<&IdempotencyKey>,
    ) -> Result<Placed, Error> {
        let mut connection = self.pool.acquire().await?;
        let id = OrderId::generate();
        let mut seen = self.catalogue.seen(wanted);
        loop {
            let (products, is_now) = match seen.take() {
                Some(products) => (products, false),
                None => (self.catalogue.look(&mut connection, wanted).await?, true),
            };
            let priced = wanted.price(id, user_id, &products);
            if let Ok(order) = &priced
                && write(&mut connection, order, key, &self.outbox).await?
            {
                return Ok(Placed::Now(priced?));
            }
            if let Some(key) = key
                && let Some(order) = first_answer(&mut connection, user_id, wanted, key).await?
            {
                return Ok(Placed::Before(order));
            }
            // A product is not what it was any more, or was refused as it was: again, with what it is now.
            if is_now {
                priced?;
            }
        }
    }
}

/// Key, stock, order, lines, and what is told of it, in one statement. Returns whether it was done: nothing is, where the key
/// belongs to another order, a product is not what the order says any more or is too few, or the deadline is over.
async fn write(
    connection: &mut Connection,
    order: &Order,
    key: Option<&IdempotencyKey>,
    outbox: &Outbox,
) -> Result<bool, Error> {
    let currency = order.total.currency();
    let skus: Vec<_> = order.lines.iter().map(|line| line.sku.to_string()).collect();
    let names: Vec<_> = order.lines.iter().map(|line| line.name.clone()).collect();
    let quantities: Vec<_> = order.lines.iter().map(|line| line.quantity).collect();
    let unit_prices: Vec<_> = order.lines.iter().map(|line| line.unit_price.amount()).collect();
    let totals: Vec<_> = order.lines.iter().map(|line| line.total.amount()).collect();
    let event = messages::event_of(outbox, order);
    let written = query_file!(
        "src/store/place.sql",
        order.id.0,
        order.user_id.0,
        currency.as_str(),
        order.total.amount(),
        order.created_at,
        &skus,
        &names,
        &quantities,
        &unit_prices,
        &totals,
        event.id,
        event.kind,
        event.time,
        event.data,
        event.traceparent,
        event.tracestate,
        milliseconds_left(),
        key.map(IdempotencyKey::as_str),
        KEYS_ARE_KEPT.as_secs_f64(),
    )
    .execute(connection)
    .await;
    outbox.wake();
    match written {
        Ok(written) => Ok(written.rows_affected() > 0),
        Err(refusal) if violated_constraint(&refusal) == Some("products_stock_is_not_negative") => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Zero would mean no limit.
fn milliseconds_left() -> Option<i32> {
    deadline::remaining().map(|left| i32::try_from(left.as_millis()).unwrap_or(i32::MAX).max(1))
}

/// What was placed with this key, if the key is kept for anything.
async fn first_answer(
    connection: &mut Connection,
    user_id: UserId,
    wanted: &NewOrder,
    key: &IdempotencyKey,
) -> Result<Option<Order>, Error> {
    let id = query_scalar!(
        "select order_id from idempotency_keys
         where user_id = $1 and key = $2 and created_at >= now() - make_interval(secs => $3)",
        user_id.0,
        key.as_str(),
        KEYS_ARE_KEPT.as_secs_f64(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(id) = id else { return Ok(None) };
    let order = orders::find(connection, user_id, OrderId(id)).await?.ok_or(Error::NoSuchOrder)?;
    match wanted.is_what_was_ordered(&order) {
        true => Ok(Some(order.when_placed())),
        false => Err(Error::IdempotencyKeyReused),
    }
}
