//! What the services answer unless they are told otherwise.

use prost_types::Timestamp;
use proto::{
    money::v1::Money,
    orders::v1::{Order, OrderLine, OrderStatus, Product, WatchOrderResponse},
    users::v1::{SignInResponse, User},
};

pub const USER: &str = "0190163d-8694-739b-aea5-966c26f8ad91";
pub const ORDER: &str = "0190163d-8694-7d2e-b3a1-5f0c7d3e9a10";

pub fn user() -> User {
    User {
        id: USER.to_owned(),
        email: "ada@example.com".to_owned(),
        display_name: "Ada Lovelace".to_owned(),
        created_at: at(123_000_000),
        updated_at: at(0),
        etag: "3".to_owned(),
    }
}

pub fn session() -> SignInResponse {
    SignInResponse {
        access_token: "abc.def.ghi".to_owned(),
        expires_in: 300,
        refresh_token: "a refresh token".to_owned(),
        scope: "orders:read users:read".to_owned(),
    }
}

pub fn product() -> Product {
    Product {
        sku: "BOX-OAK".to_owned(),
        name: "Box".to_owned(),
        description: "A box of oak.".to_owned(),
        price: euros(1999),
        stock: 150,
    }
}

pub fn order() -> Order {
    let line = OrderLine {
        sku: "BOX-OAK".to_owned(),
        name: "Box".to_owned(),
        quantity: 2,
        unit_price: euros(1999),
        total: euros(3998),
    };
    Order {
        id: ORDER.to_owned(),
        user_id: USER.to_owned(),
        status: OrderStatus::Pending.into(),
        lines: vec![line],
        total: euros(3998),
        created_at: at(123_000_000),
        updated_at: at(0),
    }
}

/// The whole life of an order that is paid at once.
pub fn states(order: Option<&Order>) -> [WatchOrderResponse; 2] {
    let confirmed = order.map(|order| Order { status: OrderStatus::Confirmed.into(), ..order.clone() });
    [WatchOrderResponse { order: order.cloned(), version: 1 }, WatchOrderResponse { order: confirmed, version: 2 }]
}

fn euros(amount: i64) -> Option<Money> {
    Some(Money { amount, currency: "EUR".to_owned() })
}

/// 2023-11-14T22:13:20Z and these nanoseconds.
fn at(nanos: i32) -> Option<Timestamp> {
    Some(Timestamp { seconds: 1_700_000_000, nanos })
}
