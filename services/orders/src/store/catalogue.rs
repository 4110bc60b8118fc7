//! Products as they were seen last. Whoever takes them has it verified that they are still so.

use std::sync::Arc;

use database::Connection;
use moka::sync::Cache;
use sqlx::query_as;

use super::rows::ProductRow;
use crate::{
    domain::{NewOrder, Product, Sku},
    error::Error,
};

/// Some megabytes. More are read more often.
const MAX: u64 = 10_000;

/// Copies share it.
#[derive(Clone)]
pub struct Catalogue(Cache<Sku, Arc<Product>>);

impl Catalogue {
    pub fn new() -> Self {
        Self(Cache::new(MAX))
    }

    /// What is wanted, as it was once, if all of it was seen.
    pub fn seen(&self, wanted: &NewOrder) -> Option<Vec<Arc<Product>>> {
        wanted.items().iter().map(|item| self.0.get(&item.sku)).collect()
    }

    /// What there is of what is wanted, as it is at this moment, locked for nobody.
    pub async fn look(&self, connection: &mut Connection, wanted: &NewOrder) -> Result<Vec<Arc<Product>>, Error> {
        let skus: Vec<_> = wanted.items().iter().map(|item| item.sku.to_string()).collect();
        let rows = query_as!(
            ProductRow,
            "select sku, name, description, price_amount, currency, stock from products where sku = any($1)",
            &skus,
        )
        .fetch_all(connection)
        .await?;
        let products = rows.into_iter().map(|row| Product::try_from(row).map(Arc::new));
        let products: Vec<_> = products.collect::<Result<_, _>>()?;
        for product in &products {
            self.0.insert(product.sku.clone(), Arc::clone(product));
        }
        Ok(products)
    }
}
