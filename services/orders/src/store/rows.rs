//! Rows, and how they become domain.

use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{Currency, Line, Money, Order, OrderId, Product, Sku, Status, UserId, Violation},
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

pub struct OrderRow {
    pub id: Uuid,
    pub user_id: Uuid,
    pub status: String,
    pub currency: String,
    pub total_amount: i64,
    pub created_at: OffsetDateTime,
    pub updated_at: OffsetDateTime,
}

pub struct LineRow {
    pub sku: String,
    pub name: String,
    pub quantity: i64,
    pub unit_price_amount: i64,
    pub total_amount: i64,
}

impl OrderRow {
    pub fn with_lines(self, lines: Vec<LineRow>) -> Result<Order, Error> {
        let line = |row: LineRow| -> Result<Line, Error> {
            Ok(Line {
                sku: Sku::parse("sku", &row.sku).map_err(impossible)?,
                name: row.name,
                quantity: row.quantity,
                unit_price: money(row.unit_price_amount, &self.currency)?,
                total: money(row.total_amount, &self.currency)?,
            })
        };
        Ok(Order {
            lines: lines.into_iter().map(line).collect::<Result<_, _>>()?,
            id: OrderId(self.id),
            user_id: UserId(self.user_id),
            status: Status::parse(&self.status).map_err(impossible)?,
            total: money(self.total_amount, &self.currency)?,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

fn money(amount: i64, currency: &str) -> Result<Money, Error> {
    let currency = Currency::parse(currency).map_err(impossible)?;
    Money::parse(amount, currency).map_err(impossible)
}

/// The constraints of the schema forbid it.
fn impossible(violation: Violation) -> Error {
    sqlx::Error::Decode(violation.into()).into()
}
