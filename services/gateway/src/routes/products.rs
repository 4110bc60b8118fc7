//! `/v1/products`: the catalogue, for everyone.

use std::sync::Arc;

use axum::{Json, extract::State};
use proto::orders::v1 as pb;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::shapes::{Money, PageQuery, promised};
use crate::{
    Backends,
    extract::{Path, Query},
    problem::Problem,
};

pub fn router() -> OpenApiRouter<Arc<Backends>> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

#[derive(Serialize, ToSchema)]
struct Product {
    #[schema(example = "BOX-OAK")]
    sku: String,
    name: String,
    description: String,
    price: Money,
    /// Pieces that can be ordered now
    stock: i64,
}

impl TryFrom<pb::Product> for Product {
    type Error = Problem;

    fn try_from(product: pb::Product) -> Result<Self, Problem> {
        Ok(Self {
            sku: product.sku,
            name: product.name,
            description: product.description,
            price: promised(product.price)?.into(),
            stock: product.stock,
        })
    }
}

#[derive(Serialize, ToSchema)]
struct Products {
    products: Vec<Product>,
    /// Absent on the last page
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

/// Browse the catalogue
#[utoipa::path(
    get, path = "/v1/products", tag = "catalogue", operation_id = "list_products",
    params(PageQuery),
    responses((status = OK, description = "The page", body = Products), Problem),
)]
async fn list(
    State(backends): State<Arc<Backends>>,
    Query(PageQuery { page_size, page_token }): Query<PageQuery>,
) -> Result<Json<Products>, Problem> {
    let answer = backends.catalog.clone().list_products(pb::ListProductsRequest { page_size, page_token }).await?;
    let pb::ListProductsResponse { products, next_page_token } = answer.into_inner();
    let products = products.into_iter().map(Product::try_from).collect::<Result<_, _>>()?;
    Ok(Json(Products { products, next_page_token: Some(next_page_token).filter(|token| !token.is_empty()) }))
}

/// Read about a product
#[utoipa::path(
    get, path = "/v1/products/{sku}", tag = "catalogue", operation_id = "get_product",
    params(("sku" = String, Path)),
    responses((status = OK, description = "The product", body = Product), Problem),
)]
async fn get(State(backends): State<Arc<Backends>>, Path(sku): Path<String>) -> Result<Json<Product>, Problem> {
    let answer = backends.catalog.clone().get_product(pb::GetProductRequest { sku }).await?;
    Ok(Json(promised(answer.into_inner().product)?.try_into()?))
}
