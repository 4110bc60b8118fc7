//! Somebody who orders, and watches until it is paid.

use reqwest::{Method, StatusCode};
use uuid::Uuid;

use crate::{
    customers::Visit,
    shop::{Failure, text, unanswered},
};

const WATCH: &str = "watch an order";

pub async fn run(Visit { shop, customer }: &Visit) -> Result<(), Failure> {
    let request = customer.request(shop, Method::POST, "/v1/orders").json(&customer.catalogue.basket());
    let request = request.header("idempotency-key", Uuid::new_v4().to_string());
    let order = shop.json("place an order", request, StatusCode::CREATED).await?;
    let path = format!("/v1/orders/{}/events", text(&order, "id")?);
    let stream = shop.call(WATCH, customer.request(shop, Method::GET, &path), StatusCode::OK).await?;
    // The stream ends with the order's first settled state.
    let states = stream.text().await.map_err(|error| unanswered(WATCH, &error))?;
    match states.contains(r#""status":"confirmed""#) {
        true => Ok(()),
        false => Err(Failure::new(WATCH, "it was not confirmed")),
    }
}
