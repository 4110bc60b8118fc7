//! Domain into contract, and the page tokens, which are the contract's own.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use prost_types::Timestamp;
use proto::{money::v1::Money as PbMoney, orders::v1 as pb};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    domain::{Line, Money, Order, OrderId, Page, Product, Sku, Status, Violation},
    error::Error,
};

/// The key in a page token; none in an empty one, which asks for the first page.
pub fn after_sku(token: &str) -> Result<Option<Sku>, Error> {
    read(token, |key| Sku::parse("page_token", std::str::from_utf8(key).ok()?).ok())
}

/// As [`after_sku`], in a list of orders.
pub fn after_order(token: &str) -> Result<Option<OrderId>, Error> {
    read(token, |key| Uuid::from_slice(key).ok().map(OrderId))
}

fn read<K>(token: &str, key: impl Fn(&[u8]) -> Option<K>) -> Result<Option<K>, Error> {
    if token.is_empty() {
        return Ok(None);
    }
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let key = bytes.and_then(|bytes| key(&bytes));
    let garbled = Violation { field: "page_token".to_owned(), problem: "must be a next_page_token of this list" };
    key.map(Some).ok_or_else(|| garbled.into())
}

impl From<Page<Product, Sku>> for pb::ListProductsResponse {
    fn from(page: Page<Product, Sku>) -> Self {
        Self {
            products: page.entries.into_iter().map(Into::into).collect(),
            next_page_token: page.next.map(|sku| URL_SAFE_NO_PAD.encode(sku.as_str())).unwrap_or_default(),
        }
    }
}

impl From<Page<Order, OrderId>> for pb::ListOrdersResponse {
    fn from(page: Page<Order, OrderId>) -> Self {
        Self {
            orders: page.entries.into_iter().map(Into::into).collect(),
            next_page_token: page.next.map(|id| URL_SAFE_NO_PAD.encode(id.0)).unwrap_or_default(),
        }
    }
}

impl From<Product> for pb::Product {
    fn from(product: Product) -> Self {
        Self {
            sku: product.sku.to_string(),
            name: product.name,
            description: product.description,
            price: Some(money(product.price)),
            stock: product.stock,
        }
    }
}

impl From<Order> for pb::Order {
    fn from(order: Order) -> Self {
        Self {
            id: order.id.to_string(),
            user_id: order.user_id.to_string(),
            status: pb::OrderStatus::from(order.status).into(),
            lines: order.lines.into_iter().map(Into::into).collect(),
            total: Some(money(order.total)),
            created_at: Some(timestamp(order.created_at)),
            updated_at: Some(timestamp(order.updated_at)),
        }
    }
}

impl From<Order> for pb::WatchOrderResponse {
    fn from(order: Order) -> Self {
        Self { version: order.version, order: Some(order.into()) }
    }
}

impl From<Line> for pb::OrderLine {
    fn from(line: Line) -> Self {
        Self {
            sku: line.sku.to_string(),
            name: line.name,
            quantity: line.quantity,
            unit_price: Some(money(line.unit_price)),
            total: Some(money(line.total)),
        }
    }
}

impl From<Status> for pb::OrderStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Confirmed => Self::Confirmed,
            Status::Rejected => Self::Rejected,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

fn money(money: Money) -> PbMoney {
    PbMoney { amount: money.amount(), currency: money.currency().as_str().to_owned() }
}

fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp { seconds: time.unix_timestamp(), nanos: time.nanosecond().cast_signed() }
}
