//! Rows, and how they become domain.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{Currency, History, Line, Money, Order, OrderId, Product, Sku, Status, UserId, Version, Violation},
    error::Error,
};

pub struct ProductRow {
    pub sku: String,
    pub name: String,
    pub description: String,
    pub price_amount: i64,
    pub currency: String,
    pub stock: i64,
}

impl TryFrom<ProductRow> for Product {
    type Error = Error;

    fn try_from(row: ProductRow) -> Result<Self, Error> {
        Ok(Self {
            sku: Sku::parse("sku", &row.sku).map_err(impossible)?,
            name: row.name,
            description: row.description,
            price: money(row.price_amount, &row.currency)?,
            stock: row.stock,
        })
    }
}

/// An order in a list.
pub struct OrderRow {
    pub id: Uuid,
    pub user_id: Uuid,
    pub status: String,
    pub version: i64,
    pub currency: String,
    pub total_amount: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

impl TryFrom<OrderRow> for Order {
    type Error = Error;

    fn try_from(row: OrderRow) -> Result<Self, Error> {
        Ok(Self {
            id: OrderId(row.id),
            user_id: UserId(row.user_id),
            status: status(&row.status)?,
            version: row.version,
            lines: Vec::new(),
            total: money(row.total_amount, &row.currency)?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A line, beside the order that it is of.
pub struct LineRow {
    pub id: Uuid,
    pub user_id: Uuid,
    pub status: String,
    pub version: i64,
    pub currency: String,
    pub total_amount: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
    pub sku: String,
    pub name: String,
    pub quantity: i64,
    pub unit_price_amount: i64,
    pub line_amount: i64,
}

/// The order whose lines these are; none has no lines.
pub fn order_of(rows: Vec<LineRow>) -> Result<Option<Order>, Error> {
    let mut lines = Vec::with_capacity(rows.len());
    let mut order = None;
    for row in rows {
        lines.push(Line {
            sku: Sku::parse("sku", &row.sku).map_err(impossible)?,
            name: row.name,
            quantity: row.quantity,
            unit_price: money(row.unit_price_amount, &row.currency)?,
            total: money(row.line_amount, &row.currency)?,
        });
        order = Some(OrderRow {
            id: row.id,
            user_id: row.user_id,
            status: row.status,
            version: row.version,
            currency: row.currency,
            total_amount: row.total_amount,
            created_at: row.created_at,
            updated_at: row.updated_at,
        });
    }
    let order = order.map(Order::try_from).transpose()?;
    Ok(order.map(|order| Order { lines, ..order }))
}

/// An order's last version, beside one that is recorded.
pub struct VersionRow {
    pub version: i64,
    pub status: String,
    pub updated_at: OffsetDateTime,
    pub recorded_version: Option<i64>,
    pub recorded_status: Option<String>,
    pub recorded_at: Option<OffsetDateTime>,
}

/// The versions after `after` of the order whose they are.
pub fn history_of(rows: Vec<VersionRow>, after: i64) -> Result<Option<History>, Error> {
    let mut recorded = Vec::with_capacity(rows.len());
    let mut last = None;
    for row in rows {
        if let (Some(number), Some(text), Some(since)) = (row.recorded_version, row.recorded_status, row.recorded_at) {
            recorded.push(Version { number, status: status(&text)?, since });
        }
        last = Some(Version { number: row.version, status: status(&row.status)?, since: row.updated_at });
    }
    Ok(last.map(|last| History::new(recorded, last, after)))
}

fn status(text: &str) -> Result<Status, Error> {
    Status::parse(text).map_err(impossible)
}

fn money(amount: i64, currency: &str) -> Result<Money, Error> {
    let currency = Currency::parse(currency).map_err(impossible)?;
    Money::parse(amount, currency).map_err(impossible)
}

/// The constraints of the schema forbid it.
fn impossible(violation: Violation) -> Error {
    sqlx::Error::Decode(violation.into()).into()
}
