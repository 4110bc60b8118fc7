//! Orders that are there: found, listed, cancelled.

use database::Connection;
use rpc::deadline;
use sqlx::{query, query_as};
use uuid::Uuid;

use super::{
    Store,
    rows::{LineRow, OrderRow},
};
use crate::{
    domain::{Order, OrderId, Page, PageSize, UserId},
    error::Error,
};

impl Store {
    pub async fn find(&self, user_id: UserId, id: OrderId) -> Result<Option<Order>, Error> {
        let mut connection = self.pool.acquire().await?;
        find(&mut connection, user_id, id).await
    }

    /// Newest first, without their lines.
    pub async fn orders(
        &self,
        user_id: UserId,
        size: PageSize,
        after: Option<OrderId>,
    ) -> Result<Page<Order, OrderId>, Error> {
        let mut connection = self.pool.acquire().await?;
        let rows = query_as!(
            OrderRow,
            "select id, user_id, status, currency, total_amount, created_at, updated_at
             from orders where user_id = $1 and id < $2 order by id desc limit $3",
            user_id.0,
            after.map_or(Uuid::max(), |id| id.0),
            size.and_one(),
        )
        .fetch_all(&mut connection)
        .await?;
        let orders = rows.into_iter().map(|row| row.with_lines(Vec::new())).collect::<Result<_, _>>()?;
        Ok(Page::new(orders, size, |order: &Order| order.id))
    }

    /// Gives the stock back, if the order is in a state from which it can be cancelled.
    pub async fn cancel(&self, user_id: UserId, id: OrderId) -> Result<Order, Error> {
        let mut tx = self.pool.begin(deadline::remaining()).await?;
        // First of all its own row: of two who cancel the same order, one waits here and then sees that it is done.
        query!("select 1 as one from orders where id = $1 and user_id = $2 for update", id.0, user_id.0)
            .fetch_optional(&mut *tx)
            .await?;
        let order = find(&mut tx, user_id, id).await?.ok_or(Error::NoSuchOrder)?;
        if !order.status.can_be_cancelled() {
            return Err(Error::WrongState(order.status.as_str()));
        }
        give_back(&mut tx, id).await?;
        let row = query_as!(
            OrderRow,
            "update orders set status = 'cancelled', version = version + 1, updated_at = now() where id = $1
             returning id, user_id, status, currency, total_amount, created_at, updated_at",
            id.0,
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Order { lines: order.lines, ..row.with_lines(Vec::new())? })
    }
}

pub(super) async fn find(connection: &mut Connection, user_id: UserId, id: OrderId) -> Result<Option<Order>, Error> {
    let row = query_as!(
        OrderRow,
        "select id, user_id, status, currency, total_amount, created_at, updated_at
         from orders where id = $1 and user_id = $2",
        id.0,
        user_id.0,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let lines = query_as!(
        LineRow,
        "select sku, name, quantity, unit_price_amount, total_amount from order_lines
         where order_id = $1 order by sku",
        id.0,
    )
    .fetch_all(connection)
    .await?;
    row.with_lines(lines).map(Some)
}

/// Locks the products in the order of their skus, like everyone who changes them.
async fn give_back(connection: &mut Connection, id: OrderId) -> Result<(), Error> {
    query!(
        "select sku from products where sku in (select sku from order_lines where order_id = $1)
         order by sku for update",
        id.0,
    )
    .fetch_all(&mut *connection)
    .await?;
    query!(
        "update products set stock = products.stock + line.quantity
         from order_lines as line where line.order_id = $1 and products.sku = line.sku",
        id.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}
