//! The catalogue.

use sqlx::query_as;

use super::{Store, rows::ProductRow};
use crate::{
    domain::{Page, PageSize, Product, Sku},
    error::Error,
};

impl Store {
    pub async fn products(&self, size: PageSize, after: Option<&Sku>) -> Result<Page<Product, Sku>, Error> {
        let mut connection = self.pool.acquire().await?;
        let rows = query_as!(
            ProductRow,
            "select sku, name, description, price_amount, currency, stock
             from products where sku > $1 order by sku limit $2",
            after.map_or("", Sku::as_str),
            size.and_one(),
        )
        .fetch_all(&mut connection)
        .await?;
        let products = rows.into_iter().map(Product::try_from).collect::<Result<_, _>>()?;
        Ok(Page::new(products, size, |product: &Product| product.sku.clone()))
    }

    pub async fn find_product(&self, sku: &Sku) -> Result<Option<Product>, Error> {
        let mut connection = self.pool.acquire().await?;
        let row = query_as!(
            ProductRow,
            "select sku, name, description, price_amount, currency, stock from products where sku = $1",
            sku.as_str(),
        )
        .fetch_optional(&mut connection)
        .await?;
        row.map(Product::try_from).transpose()
    }
}
