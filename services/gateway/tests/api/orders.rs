//! Placing, reading, listing and cancelling orders.

use axum::{body::Body, http::Request};
use proto::orders::v1 as pb;
use serde_json::{Value, json};

use crate::{
    harness::{self, Gateway, bare, with},
    stubs::canned::{ORDER, USER},
};

const KEY: &str = "2f4c1c86-0b4e-4b1e-9a52-0c9d5f5d8a11";

pub fn placed() -> Value {
    let mut order = listed();
    let (unit_price, total) = (euros(1999), euros(3998));
    order["lines"] = json!([
        {"sku": "BOX-OAK", "name": "Box", "quantity": 2, "unit_price": unit_price, "total": total},
    ]);
    order
}

fn listed() -> Value {
    json!({
        "id": ORDER,
        "user_id": USER,
        "status": "pending",
        "total": euros(3998),
        "created_at": "2023-11-14T22:13:20.123Z",
        "updated_at": "2023-11-14T22:13:20Z",
    })
}

fn euros(amount: i64) -> Value {
    json!({"amount": amount, "currency": "EUR"})
}

fn two_boxes() -> Request<Body> {
    harness::json("POST", "/v1/orders", r#"{"items": [{"sku": "BOX-OAK", "quantity": 2}]}"#)
}

#[tokio::test]
async fn placing_an_order_says_where_it_is() {
    let gateway = Gateway::start().await;
    let answer = gateway.send_signed_in(two_boxes()).await;
    assert_eq!(answer.ok(201), placed());
    assert_eq!(answer.header("location"), Some(format!("/v1/orders/{ORDER}").as_str()));
    let item = pb::place_order_request::Item { sku: "BOX-OAK".to_owned(), quantity: 2 };
    let expected = pb::PlaceOrderRequest { items: vec![item], idempotency_key: String::new() };
    assert_eq!(gateway.orders.asked::<pb::PlaceOrderRequest>(), expected);
}

#[tokio::test]
async fn an_idempotency_key_is_handed_on() {
    let gateway = Gateway::start().await;
    // What a key has to be like is the service's business, as long as it can be handed on at all.
    for key in [KEY, "a b", &"k".repeat(1000)] {
        gateway.send_signed_in(with(two_boxes(), "idempotency-key", key)).await.ok(201);
        assert_eq!(gateway.orders.asked::<pb::PlaceOrderRequest>().idempotency_key, key);
    }
}

#[tokio::test]
async fn an_idempotency_key_is_one_or_none_and_ascii() {
    let gateway = Gateway::start().await;
    let two = with(with(two_boxes(), "idempotency-key", KEY), "idempotency-key", KEY);
    gateway.send_signed_in(two).await.problem(400);
    for key in [&b""[..], "cl\u{e9}".as_bytes(), b"\xff"] {
        gateway.send_signed_in(with(two_boxes(), "idempotency-key", key)).await.problem(400);
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn an_order_is_read_with_its_lines() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.send_signed_in(bare("GET", &format!("/v1/orders/{ORDER}"))).await.ok(200), placed());
    assert_eq!(gateway.orders.asked::<pb::GetOrderRequest>().id, ORDER);
}

#[tokio::test]
async fn every_state_of_an_order_has_its_word() {
    let gateway = Gateway::start().await;
    let states = [
        (pb::OrderStatus::Pending, "pending"),
        (pb::OrderStatus::Confirmed, "confirmed"),
        (pb::OrderStatus::Rejected, "rejected"),
        (pb::OrderStatus::Cancelled, "cancelled"),
    ];
    for (state, word) in states {
        gateway.orders.set(|answers| answers.order.as_mut().unwrap().set_status(state));
        assert_eq!(gateway.send_signed_in(bare("GET", "/v1/orders/7")).await.ok(200)["status"], word);
    }
}

#[tokio::test]
async fn a_cancelled_order_is_the_answer() {
    let gateway = Gateway::start().await;
    let answer = gateway.send_signed_in(bare("POST", &format!("/v1/orders/{ORDER}/cancel"))).await;
    assert_eq!(answer.ok(200), placed());
    assert_eq!(gateway.orders.asked::<pb::CancelOrderRequest>().id, ORDER);
}

#[tokio::test]
async fn a_list_has_no_lines_and_its_last_page_no_token() {
    let gateway = Gateway::start().await;
    let page = gateway.send_signed_in(bare("GET", &format!("/v1/users/{USER}/orders?page_size=3"))).await.ok(200);
    assert_eq!(page, json!({"orders": [listed()]}));
    let expected = pb::ListOrdersRequest { user_id: USER.to_owned(), page_size: Some(3), page_token: String::new() };
    assert_eq!(gateway.orders.asked::<pb::ListOrdersRequest>(), expected);

    gateway.orders.set(|answers| answers.next_page_token = "AZAW".to_owned());
    let page = gateway.send_signed_in(bare("GET", &format!("/v1/users/{USER}/orders?page_token=x"))).await.ok(200);
    assert_eq!(page, json!({"orders": [listed()], "next_page_token": "AZAW"}));
    assert_eq!(gateway.orders.asked::<pb::ListOrdersRequest>().page_token, "x");
}
