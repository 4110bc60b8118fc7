//! What customers do: each scenario is a function, and one call of it an iteration.

mod browse;
mod history;
mod order;

use std::fmt;

use clap::ValueEnum;
use reqwest::{Method, StatusCode};

use crate::{customers::Visit, shop::Failure};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Look through the catalogue
    Browse,
    /// Place an order and watch until it is confirmed
    Order,
    /// List one's orders, and page through them
    History,
    /// Nine who read and one who orders
    Mixed,
    /// One call: one's account
    GetUser,
    /// One call: an order of three lines
    GetOrder,
    /// One call: the last twenty orders
    ListOrders,
    /// One call: an order of three lines
    PlaceOrder,
}

impl Scenario {
    /// Whether customers need orders to begin with.
    pub fn needs_orders(self) -> bool {
        matches!(self, Self::History | Self::Mixed | Self::GetOrder | Self::ListOrders)
    }

    pub fn places_orders(self) -> bool {
        self.needs_orders() || matches!(self, Self::Order | Self::PlaceOrder)
    }

    pub async fn iterate(self, visit: Visit, number: usize) -> Result<(), Failure> {
        match self {
            Self::Browse => browse::run(&visit).await,
            Self::Order => order::run(&visit).await,
            Self::History => history::run(&visit).await,
            Self::Mixed => mixed(&visit, number).await,
            Self::GetUser => get(&visit, "get an account", &format!("/v1/users/{}", visit.customer.id)).await,
            Self::GetOrder => get_order(&visit).await,
            Self::ListOrders => list_orders(&visit).await,
            Self::PlaceOrder => place_order(&visit).await,
        }
    }
}

/// As a file of thresholds and the command line have it.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().ok_or(fmt::Error)?.get_name())
    }
}

/// Of ten in a row one orders.
async fn mixed(visit: &Visit, number: usize) -> Result<(), Failure> {
    match number % 10 {
        0 => order::run(visit).await,
        1..=3 => browse::run(visit).await,
        4 | 5 => history::run(visit).await,
        6 | 7 => get_order(visit).await,
        8 => list_orders(visit).await,
        _ => get(visit, "get an account", &format!("/v1/users/{}", visit.customer.id)).await,
    }
}

async fn get_order(visit: &Visit) -> Result<(), Failure> {
    let order = visit.customer.order.as_deref().unwrap_or_default();
    get(visit, "get an order", &format!("/v1/orders/{order}")).await
}

async fn list_orders(visit: &Visit) -> Result<(), Failure> {
    get(visit, "list orders", &format!("/v1/users/{}/orders", visit.customer.id)).await
}

async fn place_order(Visit { shop, customer }: &Visit) -> Result<(), Failure> {
    let request = customer.request(shop, Method::POST, "/v1/orders").json(&customer.catalogue.basket());
    shop.json("place an order", request, StatusCode::CREATED).await.map(drop)
}

async fn get(Visit { shop, customer }: &Visit, what: &'static str, path: &str) -> Result<(), Failure> {
    shop.json(what, customer.request(shop, Method::GET, path), StatusCode::OK).await.map(drop)
}
