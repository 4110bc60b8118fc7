//! The catalogue, which anybody may read.

use proto::orders::v1 as pb;
use serde_json::{Value, json};

use crate::harness::Gateway;

fn oak_box() -> Value {
    json!({
        "sku": "BOX-OAK",
        "name": "Box",
        "description": "A box of oak.",
        "price": {"amount": 1999, "currency": "EUR"},
        "stock": 150,
    })
}

#[tokio::test]
async fn a_product_has_its_price_in_minor_units() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.get("/v1/products/BOX-OAK").await.ok(200), oak_box());
    assert_eq!(gateway.orders.asked::<pb::GetProductRequest>().sku, "BOX-OAK");
}

#[tokio::test]
async fn the_last_page_has_no_token_of_a_next_one() {
    let gateway = Gateway::start().await;
    assert_eq!(gateway.get("/v1/products").await.ok(200), json!({"products": [oak_box()]}));
    gateway.orders.set(|answers| answers.next_page_token = "Qk9Y".to_owned());
    let page = gateway.get("/v1/products").await.ok(200);
    assert_eq!(page, json!({"products": [oak_box()], "next_page_token": "Qk9Y"}));
}

#[tokio::test]
async fn an_empty_catalogue_is_an_empty_list() {
    let gateway = Gateway::start().await;
    gateway.orders.set(|answers| answers.product = None);
    assert_eq!(gateway.get("/v1/products").await.ok(200), json!({"products": []}));
}

#[tokio::test]
async fn the_service_is_asked_for_the_page_that_the_query_names() {
    let gateway = Gateway::start().await;
    let table = [
        ("", None, ""),
        ("?page_size=7", Some(7), ""),
        // Whether a size is acceptable is the service's business.
        ("?page_size=-1&page_token=", Some(-1), ""),
        ("?page_token=Qk9Y%3D+%26&utm_source=x", None, "Qk9Y= &"),
    ];
    for (query, page_size, page_token) in table {
        gateway.get(&format!("/v1/products{query}")).await.ok(200);
        let expected = pb::ListProductsRequest { page_size, page_token: page_token.to_owned() };
        assert_eq!(gateway.orders.asked::<pb::ListProductsRequest>(), expected, "{query}");
    }
}
