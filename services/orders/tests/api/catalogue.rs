//! Browsing, without being anybody.

use std::collections::BTreeSet;

use proto::orders::v1 as pb;
use sqlx::{AssertSqlSafe, raw_sql};
use tonic::Code;

use crate::harness::{Service, fields, refusal};

async fn page(service: &Service, page_size: Option<i32>, page_token: &str) -> pb::ListProductsResponse {
    let request = pb::ListProductsRequest { page_size, page_token: page_token.to_owned() };
    service.catalog.clone().list_products(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn the_pages_hold_every_product_once_in_order() {
    let service = Service::start().await;
    let mut skus = Vec::new();
    let mut token = String::new();
    loop {
        let page = page(&service, Some(33), &token).await;
        skus.extend(page.products.into_iter().map(|product| product.sku));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(skus.len(), 200);
    assert!(skus.is_sorted());
    assert_eq!(BTreeSet::from_iter(skus).len(), 200);
}

#[tokio::test]
async fn a_page_has_twenty_products_when_nobody_says() {
    let service = Service::start().await;
    let page = page(&service, None, "").await;
    assert_eq!(page.products.len(), 20);
    assert!(!page.next_page_token.is_empty());
}

#[tokio::test]
async fn a_product_has_a_price_and_a_stock() {
    let service = Service::start().await;
    let request = pb::GetProductRequest { sku: "TABLE-OAK".to_owned() };
    let product = service.catalog.clone().get_product(request).await.unwrap().into_inner().product.unwrap();
    assert_eq!(product.name, "Oak Table");
    let price = product.price.unwrap();
    assert_eq!((price.amount, price.currency.as_str(), product.stock), (40250, "EUR", 20));
}

#[tokio::test]
async fn what_is_not_sold_is_not_found() {
    let service = Service::start().await;
    let answer = service.catalog.clone().get_product(pb::GetProductRequest { sku: "TABLE-GOLD".to_owned() }).await;
    assert_eq!(refusal(answer).0, Code::NotFound);
}

#[tokio::test]
async fn a_product_that_orders_may_remember_stays() {
    let service = Service::start().await;
    let mut connection = service.connection().await;
    for going in [
        "delete from products where sku = 'TABLE-OAK'",
        "truncate products cascade",
        "update products set sku = 'TABLE-GOLD' where sku = 'TABLE-OAK'",
    ] {
        let refusal = raw_sql(AssertSqlSafe(going)).execute(&mut connection).await.unwrap_err();
        assert!(refusal.to_string().contains("a product stays"), "{going}: {refusal}");
    }
    service.sql("update products set stock = 0, name = 'Sold out' where sku = 'TABLE-OAK'").await;
    assert_eq!(service.count("select count(*) from products").await, 200);
}

#[tokio::test]
async fn nonsense_is_named() {
    let service = Service::start().await;
    let mut catalog = service.catalog.clone();
    for sku in ["", "table", "A\0B", "A B", &"A".repeat(65)] {
        let answer = catalog.get_product(pb::GetProductRequest { sku: sku.to_owned() }).await;
        assert_eq!(fields(answer), ["sku"], "{sku:?}");
    }
    for size in [-1, 0, 101, i32::MAX] {
        let request = pb::ListProductsRequest { page_size: Some(size), page_token: String::new() };
        assert_eq!(fields(catalog.list_products(request).await), ["page_size"], "{size}");
    }
    for token in ["!", "AAAA", "dGFibGU", "VEFCTEU=", "////"] {
        let request = pb::ListProductsRequest { page_size: None, page_token: token.to_owned() };
        assert_eq!(fields(catalog.list_products(request).await), ["page_token"], "{token}");
    }
}
