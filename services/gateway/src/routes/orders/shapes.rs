//! The JSON shapes of orders.

use proto::orders::v1 as pb;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    object::Object,
    problem::Problem,
    routes::shapes::{Money, broken, promised, time},
};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// 1 to 100, each product once, all of one currency
    #[schema(value_type = Vec<Item>)]
    items: Vec<Object<Item>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Item {
    #[schema(example = "BOX-OAK")]
    sku: String,
    /// 1 to 1000
    #[schema(example = 2)]
    quantity: i64,
}

impl From<NewOrder> for Vec<pb::place_order_request::Item> {
    fn from(order: NewOrder) -> Self {
        let items = order.items.into_iter();
        items.map(|Object(Item { sku, quantity })| pb::place_order_request::Item { sku, quantity }).collect()
    }
}

#[derive(Serialize, ToSchema)]
pub struct Order {
    id: Uuid,
    user_id: Uuid,
    status: OrderStatus,
    /// Not there in a list
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    lines: Vec<OrderLine>,
    total: Money,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    updated_at: OffsetDateTime,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum OrderStatus {
    Pending,
    Confirmed,
    Rejected,
    Cancelled,
}

#[derive(Serialize, ToSchema)]
struct OrderLine {
    sku: String,
    /// As it was when the order was placed, like the price
    name: String,
    quantity: i64,
    unit_price: Money,
    total: Money,
}

#[derive(Serialize, ToSchema)]
pub struct Orders {
    orders: Vec<Order>,
    /// Absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl TryFrom<pb::Order> for Order {
    type Error = Problem;

    fn try_from(order: pb::Order) -> Result<Self, Problem> {
        Ok(Self {
            status: order.status().try_into()?,
            id: order.id.parse().map_err(|_| broken("an order's id is no UUID"))?,
            user_id: order.user_id.parse().map_err(|_| broken("an order's user_id is no UUID"))?,
            lines: order.lines.into_iter().map(OrderLine::try_from).collect::<Result<_, _>>()?,
            total: promised(order.total)?.into(),
            created_at: time(order.created_at)?,
            updated_at: time(order.updated_at)?,
        })
    }
}

impl TryFrom<pb::OrderStatus> for OrderStatus {
    type Error = Problem;

    fn try_from(status: pb::OrderStatus) -> Result<Self, Problem> {
        match status {
            pb::OrderStatus::Unspecified => Err(broken("an order has no status")),
            pb::OrderStatus::Pending => Ok(Self::Pending),
            pb::OrderStatus::Confirmed => Ok(Self::Confirmed),
            pb::OrderStatus::Rejected => Ok(Self::Rejected),
            pb::OrderStatus::Cancelled => Ok(Self::Cancelled),
        }
    }
}

impl TryFrom<pb::OrderLine> for OrderLine {
    type Error = Problem;

    fn try_from(line: pb::OrderLine) -> Result<Self, Problem> {
        Ok(Self {
            sku: line.sku,
            name: line.name,
            quantity: line.quantity,
            unit_price: promised(line.unit_price)?.into(),
            total: promised(line.total)?.into(),
        })
    }
}

impl TryFrom<pb::ListOrdersResponse> for Orders {
    type Error = Problem;

    fn try_from(page: pb::ListOrdersResponse) -> Result<Self, Problem> {
        Ok(Self {
            orders: page.orders.into_iter().map(Order::try_from).collect::<Result<_, _>>()?,
            next_page_token: Some(page.next_page_token).filter(|token| !token.is_empty()),
        })
    }
}
