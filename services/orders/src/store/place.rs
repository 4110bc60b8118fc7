//! Placing an order: one transaction of at most five round trips, however many lines it has.

use database::Connection;
use events::Outbox;
use rpc::deadline;
use sqlx::{query, query_as, query_scalar};

use super::{KEYS_ARE_KEPT, Store, orders, rows::ProductRow};
use crate::{
    domain::{IdempotencyKey, NewOrder, Order, OrderId, Product, UserId},
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
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let id = OrderId::generate();
        if let Some(key) = key
            && !claim(&mut tx, user_id, key, id).await?
        {
            return first_answer(&mut tx, user_id, wanted, key).await.map(Placed::Before);
        }
        let products = lock_products(&mut tx, wanted).await?;
        let order = wanted.price(id, user_id, &products)?;
        write(&mut tx, &order, &self.outbox).await?;
        self.outbox.commit(tx).await?;
        Ok(Placed::Now(order))
    }
}

/// Whether the key is this order's now. Waits for another request that has the key and is not yet done.
async fn claim(connection: &mut Connection, user_id: UserId, key: &IdempotencyKey, id: OrderId) -> Result<bool, Error> {
    let claimed = query!(
        "insert into idempotency_keys (user_id, key, order_id) values ($1, $2, $3)
         on conflict on constraint idempotency_keys_pkey do update
         set order_id = excluded.order_id, created_at = excluded.created_at
         where idempotency_keys.created_at < now() - make_interval(secs => $4)",
        user_id.0,
        key.as_str(),
        id.0,
        KEYS_ARE_KEPT.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

async fn first_answer(
    connection: &mut Connection,
    user_id: UserId,
    wanted: &NewOrder,
    key: &IdempotencyKey,
) -> Result<Order, Error> {
    let id = query_scalar!(
        "select order_id from idempotency_keys where user_id = $1 and key = $2",
        user_id.0,
        key.as_str(),
    )
    .fetch_one(&mut *connection)
    .await?;
    let order = orders::find(connection, user_id, OrderId(id)).await?.ok_or(Error::NoSuchOrder)?;
    match wanted.is_what_was_ordered(&order) {
        true => Ok(order.when_placed()),
        false => Err(Error::IdempotencyKeyReused),
    }
}

/// In the order of their skus, everywhere: two orders of the same products wait for each other, never in a circle.
async fn lock_products(connection: &mut Connection, wanted: &NewOrder) -> Result<Vec<Product>, Error> {
    let skus: Vec<_> = wanted.items().iter().map(|item| item.sku.to_string()).collect();
    let rows = query_as!(
        ProductRow,
        "select sku, name, description, price_amount, currency, stock
         from products where sku = any($1) order by sku for update",
        &skus,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Product::try_from).collect()
}

/// Stock, order, lines, and what is told of it in one round trip.
async fn write(connection: &mut Connection, order: &Order, outbox: &Outbox) -> Result<(), Error> {
    let skus: Vec<_> = order.lines.iter().map(|line| line.sku.to_string()).collect();
    let names: Vec<_> = order.lines.iter().map(|line| line.name.clone()).collect();
    let quantities: Vec<_> = order.lines.iter().map(|line| line.quantity).collect();
    let unit_prices: Vec<_> = order.lines.iter().map(|line| line.unit_price.amount()).collect();
    let currency = order.total.currency();
    let totals: Vec<_> = order.lines.iter().map(|line| line.total.amount()).collect();
    let event = messages::event_of(outbox, order);
    query!(
        "with line as (
             select * from unnest($6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[])
                 as line (sku, name, quantity, unit_price_amount, total_amount)
         ), taken as (
             update products set stock = products.stock - line.quantity from line where products.sku = line.sku
         ), placed as (
             insert into orders (id, user_id, status, currency, total_amount, created_at, updated_at)
             values ($1, $2, 'pending', $3, $4, $5, $5)
         ), recorded as (
             insert into order_events (order_id, version, status, reason, actor, at)
             values ($1, 1, 'pending', 'placed', $11, $5)
         ), told as (
             insert into events.outbox (id, subject, kind, time, data, traceparent, tracestate)
             values ($12, $1, $13, $14, $15, $16, $17)
         )
         insert into order_lines (order_id, sku, name, quantity, unit_price_amount, total_amount)
         select $1, sku, name, quantity, unit_price_amount, total_amount from line",
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
        order.user_id.to_string(),
        event.id,
        event.kind,
        event.time,
        event.data,
        event.traceparent,
        event.tracestate,
    )
    .execute(connection)
    .await?;
    Ok(())
}
