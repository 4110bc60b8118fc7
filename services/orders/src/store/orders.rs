//! Orders that are there: found, listed, watched, forgotten.

use std::time::Duration;

use database::Connection;
use sqlx::{query, query_as, query_scalar};
use uuid::Uuid;

use super::{
    Store,
    rows::{LineRow, OrderRow, VersionRow, history_of, order_of},
};
use crate::{
    domain::{History, Order, OrderId, Page, PageSize, UserId},
    error::Error,
};

/// After somebody is gone: much longer than they are believed to be there, and than placing an order may take.
const ORDERS_MAY_COME_FOR: Duration = Duration::from_secs(600);

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
            "select id, user_id, status, version, currency, total_amount, created_at, updated_at
             from orders where user_id = $1 and id < $2 and forgotten_at is null order by id desc limit $3",
            user_id.0,
            after.map_or(Uuid::max(), |id| id.0),
            size.and_one(),
        )
        .fetch_all(&mut connection)
        .await?;
        let orders = rows.into_iter().map(Order::try_from).collect::<Result<_, _>>()?;
        Ok(Page::new(orders, size, |order: &Order| order.id))
    }

    /// What became of an order after this version.
    pub async fn find_history(&self, user_id: UserId, id: OrderId, after: i64) -> Result<Option<History>, Error> {
        let mut connection = self.pool.acquire().await?;
        let rows = query_as!(
            VersionRow,
            r#"select orders.version, orders.status, orders.updated_at, recorded.version as "recorded_version?",
                   recorded.status as "recorded_status?", recorded.at as "recorded_at?"
             from orders left join order_events as recorded on recorded.order_id = orders.id and recorded.version > $3
             where orders.id = $1 and orders.user_id = $2 and orders.forgotten_at is null order by recorded.version"#,
            id.0,
            user_id.0,
            after,
        )
        .fetch_all(&mut connection)
        .await?;
        history_of(rows, after)
    }

    /// The last version of each of these orders that is there.
    pub async fn versions(&self, ids: &[Uuid]) -> Result<Vec<(OrderId, i64)>, Error> {
        let mut connection = self.pool.acquire().await?;
        let rows = query!("select id, version from orders where id = any($1) and forgotten_at is null", ids)
            .fetch_all(&mut connection)
            .await?;
        Ok(rows.into_iter().map(|row| (OrderId(row.id), row.version)).collect())
    }

    /// The person's orders stay, for the books; what only the person needed goes.
    pub async fn forget(&self, connection: &mut Connection, user_id: UserId) -> Result<u64, Error> {
        query!("insert into gone (user_id) values ($1) on conflict do nothing", user_id.0)
            .execute(&mut *connection)
            .await?;
        forget_orders(connection, &[user_id.0]).await
    }

    /// Orders that were on their way while their person's orders were forgotten; returns how many there were.
    pub async fn forget_latecomers(&self) -> Result<u64, Error> {
        let mut connection = self.pool.acquire().await?;
        let gone = query_scalar!("select user_id from gone").fetch_all(&mut connection).await?;
        if gone.is_empty() {
            return Ok(0);
        }
        let forgotten = forget_orders(&mut connection, &gone).await?;
        let seconds = ORDERS_MAY_COME_FOR.as_secs_f64();
        query!("delete from gone where at < now() - make_interval(secs => $1)", seconds)
            .execute(&mut connection)
            .await?;
        Ok(forgotten)
    }
}

async fn forget_orders(connection: &mut Connection, of: &[Uuid]) -> Result<u64, Error> {
    let forgotten = query!(
        "with keys as (
             delete from idempotency_keys where user_id = any($1)
         )
         update orders set forgotten_at = now() where user_id = any($1) and forgotten_at is null",
        of,
    )
    .execute(connection)
    .await?;
    Ok(forgotten.rows_affected())
}

pub(super) async fn find(connection: &mut Connection, user_id: UserId, id: OrderId) -> Result<Option<Order>, Error> {
    let rows = query_as!(
        LineRow,
        "select orders.id, orders.user_id, orders.status, orders.version, orders.currency, orders.total_amount, orders.created_at,
             orders.updated_at, line.sku, line.name, line.quantity, line.unit_price_amount,
             line.total_amount as line_amount
         from orders join order_lines as line on line.order_id = orders.id
         where orders.id = $1 and orders.user_id = $2 and orders.forgotten_at is null order by line.sku",
        id.0,
        user_id.0,
    )
    .fetch_all(connection)
    .await?;
    order_of(rows)
}
