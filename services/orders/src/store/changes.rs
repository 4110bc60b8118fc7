//! What changes an order that is there, each change with its event: its customer, a payment, the time.

use std::time::Duration;

use database::Connection;
use rpc::deadline;
use sqlx::{query, query_as, query_scalar};

use super::{
    Store,
    rows::{LineRow, OrderRow, order_of},
};
use crate::{
    domain::{Order, OrderId, Reason, Status, UserId},
    error::Error,
    messages,
};

/// A change that was made.
#[derive(Debug)]
pub struct Changed {
    pub from: Status,
    pub reason: Reason,
    /// As it is now; without its lines where nobody asked for it.
    pub order: Order,
}

impl Store {
    /// Calls the customer's own order off.
    pub async fn cancel(&self, user_id: UserId, id: OrderId) -> Result<Changed, Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        let order = lock(&mut tx, id, user_id).await?.ok_or(Error::NoSuchOrder)?;
        let changed = self.change(&mut tx, &order, Reason::CalledOff).await?;
        self.outbox.commit(tx).await?;
        Ok(changed)
    }

    /// Gives up one of the orders that have been pending for so long, if there is one that no other replica has in hand.
    pub async fn expire(&self, timeout: Duration) -> Result<Option<Changed>, Error> {
        let mut tx = self.pool.begin(None).await?;
        let Some(order) = lock_overdue(&mut tx, timeout).await? else { return Ok(None) };
        let changed = self.change(&mut tx, &order, Reason::Expired).await?;
        self.outbox.commit(tx).await?;
        Ok(Some(changed))
    }

    /// What follows for an order from what another service tells of it; nothing, where nothing can follow any more.
    pub async fn settle(
        &self,
        connection: &mut Connection,
        id: OrderId,
        reason: Reason,
    ) -> Result<Option<Changed>, Error> {
        let order = lock_without_lines(connection, id).await?.ok_or(Error::NoSuchOrder)?;
        match self.change(connection, &order, reason).await {
            Ok(changed) => Ok(Some(changed)),
            Err(Error::WrongState(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// How long the oldest of the pending orders has waited.
    pub async fn oldest_pending(&self) -> Result<Duration, Error> {
        let mut connection = self.pool.acquire().await?;
        let seconds = query_scalar!(
            "select extract(epoch from now() - min(created_at))::float8 from orders where status = 'pending'"
        )
        .fetch_one(&mut connection)
        .await?;
        // Another clock may have said when it was placed.
        Ok(Duration::from_secs_f64(seconds.unwrap_or_default().max(0.0)))
    }

    /// The state, who changed it and the event in one round trip; another for the stock, where the order holds it no longer.
    async fn change(&self, connection: &mut Connection, order: &Order, reason: Reason) -> Result<Changed, Error> {
        let (from, order) = (order.status, order.after(reason)?);
        let event = messages::event_of(&self.outbox, &order);
        query!(
            "with recorded as (
                 insert into order_events (order_id, version, status, reason, actor, at)
                 values ($1, $2, $3, $4, $5, $6)
             ), told as (
                 insert into events.outbox (id, subject, kind, time, data, traceparent, tracestate)
                 values ($7, $8, $9, $10, $11, $12, $13)
             )
             update orders set status = $3, version = $2, updated_at = $6 where id = $1",
            order.id.0,
            order.version,
            order.status.as_str(),
            reason.as_str(),
            actor(&order, reason),
            order.updated_at,
            event.id,
            event.subject,
            event.kind,
            event.time,
            event.data,
            event.traceparent,
            event.tracestate,
        )
        .execute(&mut *connection)
        .await?;
        if !order.status.holds_stock() {
            give_back(connection, order.id).await?;
        }
        Ok(Changed { from, reason, order })
    }
}

/// Products are locked in the order of their skus, like everywhere.
async fn give_back(connection: &mut Connection, id: OrderId) -> Result<(), Error> {
    query!(
        "with line as (
             select sku, quantity from order_lines where order_id = $1
         ), locked as (
             select sku from products where sku in (select sku from line) order by sku for update
         )
         update products set stock = products.stock + line.quantity
         from line join locked using (sku) where products.sku = line.sku",
        id.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// First of all the order's own row, before the products: of two who change an order, one waits here and then sees what
/// was done. Of the customer, only their own.
async fn lock(connection: &mut Connection, id: OrderId, of: UserId) -> Result<Option<Order>, Error> {
    let rows = query_as!(
        LineRow,
        "select orders.id, orders.user_id, orders.status, orders.version, orders.currency, orders.total_amount, orders.created_at,
             orders.updated_at, line.sku, line.name, line.quantity, line.unit_price_amount,
             line.total_amount as line_amount
         from orders join order_lines as line on line.order_id = orders.id
         where orders.id = $1 and orders.user_id = $2 and orders.forgotten_at is null
         order by line.sku for update of orders",
        id.0,
        of.0,
    )
    .fetch_all(connection)
    .await?;
    order_of(rows)
}

/// As [`lock`], for whoever shows the order to nobody.
async fn lock_without_lines(connection: &mut Connection, id: OrderId) -> Result<Option<Order>, Error> {
    let row = query_as!(
        OrderRow,
        "select id, user_id, status, version, currency, total_amount, created_at, updated_at
         from orders where id = $1 for update",
        id.0,
    )
    .fetch_optional(connection)
    .await?;
    row.map(Order::try_from).transpose()
}

/// Those that another replica has locked are its own to give up.
async fn lock_overdue(connection: &mut Connection, timeout: Duration) -> Result<Option<Order>, Error> {
    let rows = query_as!(
        LineRow,
        "with overdue as (
             select * from orders where status = 'pending' and created_at < now() - make_interval(secs => $1)
             order by created_at limit 1 for update skip locked
         )
         select overdue.id, overdue.user_id, overdue.status, overdue.version, overdue.currency, overdue.total_amount, overdue.created_at,
             overdue.updated_at, line.sku, line.name, line.quantity, line.unit_price_amount,
             line.total_amount as line_amount
         from overdue join order_lines as line on line.order_id = overdue.id order by line.sku",
        timeout.as_secs_f64(),
    )
    .fetch_all(connection)
    .await?;
    order_of(rows)
}

/// Who did it: a person, or a service.
fn actor(order: &Order, reason: Reason) -> String {
    match reason {
        Reason::Paid | Reason::Declined => "payments".to_owned(),
        Reason::CalledOff => order.user_id.to_string(),
        Reason::Expired => "orders".to_owned(),
    }
}
