//! What customers order: a few of the things of which there is most.

use std::{cmp::Reverse, collections::BTreeMap};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::shop::{Failure, Shop, text};

const LIST: &str = "list products";

/// Of so many things. Each has a row that orders lock one after the other, as they do in any shop.
const THINGS: usize = 40;

/// Larger catalogues are not looked through.
const PAGES: usize = 20;

const LINES: usize = 3;

/// Skus of one currency, as an order is to have it.
#[derive(Default)]
pub struct Catalogue(Vec<String>);

impl Catalogue {
    /// Errors: there is nothing to order.
    pub async fn read(shop: &Shop) -> Result<Self, Failure> {
        let mut products = Vec::new();
        let mut path = "/v1/products?page_size=100".to_owned();
        for _ in 0..PAGES {
            let mut page = shop.json(LIST, shop.request(Method::GET, &path), StatusCode::OK).await?;
            products.append(page["products"].as_array_mut().unwrap_or(&mut Vec::new()));
            let Some(token) = page["next_page_token"].as_str() else { break };
            path = format!("/v1/products?page_size=100&page_token={token}");
        }
        Self::of(products)
    }

    /// In the currency in which there is most of such things.
    fn of(mut products: Vec<Value>) -> Result<Self, Failure> {
        products.retain(|product| stock(product) > 0);
        products.sort_by_key(|product| Reverse(stock(product)));
        let mut by_currency = BTreeMap::<_, Vec<_>>::new();
        for product in products {
            let things = by_currency.entry(product["price"]["currency"].to_string()).or_default();
            if things.len() < THINGS {
                things.push(product);
            }
        }
        let things = by_currency.into_values().max_by_key(|things| things.iter().map(stock).sum::<i64>());
        let things = things.ok_or_else(|| Failure::new(LIST, "nothing in stock"))?;
        Ok(Self(things.iter().map(|product| text(product, "sku")).collect::<Result<_, _>>()?))
    }

    /// One piece each of three things, as a request has it.
    pub fn basket(&self) -> Value {
        let skus = fastrand::choose_multiple(&self.0, LINES);
        let items: Vec<_> = skus.into_iter().map(|sku| json!({ "sku": sku, "quantity": 1 })).collect();
        json!({ "items": items })
    }
}

fn stock(product: &Value) -> i64 {
    product["stock"].as_i64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn product(sku: &str, currency: &str, stock: i64) -> Value {
        json!({ "sku": sku, "price": { "amount": 1, "currency": currency }, "stock": stock })
    }

    #[test]
    fn a_basket_has_different_things_of_one_currency_that_are_there() {
        let foreign = product("A", "USD", 12);
        let products = [("B", 9), ("C", 0), ("D", 7), ("E", 1)].map(|(sku, stock)| product(sku, "EUR", stock));
        let catalogue = Catalogue::of([vec![foreign], products.to_vec()].concat()).unwrap();
        assert_eq!(catalogue.0, ["B", "D", "E"], "of which there are 17 together");
        let basket = catalogue.basket();
        let skus: HashSet<_> = basket["items"].as_array().unwrap().iter().map(|item| item["sku"].as_str()).collect();
        assert_eq!(skus, HashSet::from([Some("B"), Some("D"), Some("E")]));
    }

    #[test]
    fn an_empty_shop_is_no_shop_to_order_from() {
        assert!(Catalogue::of(vec![product("A", "EUR", 0)]).is_err());
    }
}
