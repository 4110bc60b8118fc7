//! `/v1/orders`: placing, reading, watching and cancelling one's own orders.

mod shapes;
mod updates;
mod watch;

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{AppendHeaders, IntoResponse},
};
use proto::orders::v1 as pb;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::shapes::{NewOrder, Order, Orders};
use super::shapes::{PageQuery, promised};
use crate::{
    Backends,
    caller::Caller,
    extract::{self, Path, Query},
    problem::Problem,
};

pub fn router() -> OpenApiRouter<Arc<Backends>> {
    OpenApiRouter::new()
        .routes(routes!(place))
        .routes(routes!(get))
        .routes(routes!(updates::watch))
        .routes(routes!(cancel))
        .routes(routes!(list))
}

/// Place an order; with the same `Idempotency-Key` within 24 hours, hear the first answer again
#[utoipa::path(
    post, path = "/v1/orders", tag = "orders", request_body = NewOrder,
    params(("Idempotency-Key" = Option<String>, Header)),
    security(("access_token" = ["orders:write"])),
    responses((status = CREATED, description = "The order", body = Order), Problem),
)]
async fn place(
    State(backends): State<Arc<Backends>>,
    Caller(caller): Caller,
    headers: HeaderMap,
    extract::Json(order): extract::Json<NewOrder>,
) -> Result<impl IntoResponse, Problem> {
    let request = pb::PlaceOrderRequest { items: order.into(), idempotency_key: idempotency_key(&headers)? };
    let answer = backends.orders.clone().place_order(caller.request(request)).await?;
    let order = promised(answer.into_inner().order)?;
    let location = [(header::LOCATION, format!("/v1/orders/{}", order.id))];
    Ok((StatusCode::CREATED, AppendHeaders(location), Json(Order::try_from(order)?)))
}

/// Read an order
#[utoipa::path(
    get, path = "/v1/orders/{id}", tag = "orders", operation_id = "get_order",
    params(("id" = Uuid, Path)),
    security(("access_token" = ["orders:read"])),
    responses((status = OK, description = "The order", body = Order), Problem),
)]
async fn get(
    State(backends): State<Arc<Backends>>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Order>, Problem> {
    let answer = backends.orders.clone().get_order(caller.request(pb::GetOrderRequest { id })).await?;
    Ok(Json(promised(answer.into_inner().order)?.try_into()?))
}

/// Cancel an order that is pending or confirmed
#[utoipa::path(
    post, path = "/v1/orders/{id}/cancel", tag = "orders",
    params(("id" = Uuid, Path)),
    security(("access_token" = ["orders:write"])),
    responses((status = OK, description = "The order", body = Order), Problem),
)]
async fn cancel(
    State(backends): State<Arc<Backends>>,
    Caller(caller): Caller,
    Path(id): Path<String>,
) -> Result<Json<Order>, Problem> {
    let answer = backends.orders.clone().cancel_order(caller.request(pb::CancelOrderRequest { id })).await?;
    Ok(Json(promised(answer.into_inner().order)?.try_into()?))
}

/// List one's orders, newest first
#[utoipa::path(
    get, path = "/v1/users/{id}/orders", tag = "orders", operation_id = "list_orders",
    params(("id" = Uuid, Path), PageQuery),
    security(("access_token" = ["orders:read"])),
    responses((status = OK, description = "The page", body = Orders), Problem),
)]
async fn list(
    State(backends): State<Arc<Backends>>,
    Caller(caller): Caller,
    Path(user_id): Path<String>,
    Query(PageQuery { page_size, page_token }): Query<PageQuery>,
) -> Result<Json<Orders>, Problem> {
    let request = pb::ListOrdersRequest { user_id, page_size, page_token };
    let answer = backends.orders.clone().list_orders(caller.request(request)).await?;
    Ok(Json(answer.into_inner().try_into()?))
}

/// Empty where there is none.
fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut keys = headers.get_all("idempotency-key").iter();
    let (Some(key), None) = (keys.next(), keys.next()) else {
        return match headers.contains_key("idempotency-key") {
            true => Err(Problem::new(StatusCode::BAD_REQUEST).detail("there is more than one Idempotency-Key")),
            false => Ok(String::new()),
        };
    };
    let unreadable =
        || Problem::new(StatusCode::BAD_REQUEST).detail("the Idempotency-Key must be visible ASCII characters");
    let key = key.to_str().ok().filter(|key| !key.is_empty()).ok_or_else(unreadable)?;
    Ok(key.to_owned())
}
