//! Somebody who looks through the catalogue: two pages of it, and a product of each.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::{
    customers::Visit,
    shop::{Failure, Shop, text},
};

pub async fn run(Visit { shop, .. }: &Visit) -> Result<(), Failure> {
    let first = page(shop, "/v1/products?page_size=20").await?;
    look_at_one(shop, &first).await?;
    let token = text(&first, "next_page_token")?;
    let second = page(shop, &format!("/v1/products?page_size=20&page_token={token}")).await?;
    look_at_one(shop, &second).await
}

async fn page(shop: &Shop, path: &str) -> Result<Value, Failure> {
    shop.json("list products", shop.request(Method::GET, path), StatusCode::OK).await
}

async fn look_at_one(shop: &Shop, page: &Value) -> Result<(), Failure> {
    let products = page["products"].as_array().filter(|products| !products.is_empty());
    let products = products.ok_or_else(|| Failure::new("list products", "no products"))?;
    let sku = text(&products[fastrand::usize(..products.len())], "sku")?;
    let request = shop.request(Method::GET, &format!("/v1/products/{sku}"));
    shop.json("get a product", request, StatusCode::OK).await.map(drop)
}
