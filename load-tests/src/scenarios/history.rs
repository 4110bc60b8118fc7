//! Somebody who looks at what they ordered: a page, and the next.

use reqwest::{Method, StatusCode};

use crate::{
    customers::Visit,
    shop::{Failure, text},
};

pub async fn run(Visit { shop, customer }: &Visit) -> Result<(), Failure> {
    let path = format!("/v1/users/{}/orders?page_size=20", customer.id);
    let list = |path: &str| shop.json("list orders", customer.request(shop, Method::GET, path), StatusCode::OK);
    let first = list(&path).await?;
    let token = text(&first, "next_page_token")?;
    list(&format!("{path}&page_token={token}")).await.map(drop)
}
