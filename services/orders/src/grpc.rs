//! The contracts `orders.v1.CatalogService` and `orders.v1.OrdersService` in terms of the use-cases.

mod convert;

use futures::stream::{BoxStream, StreamExt};
use proto::orders::v1::{self as pb, catalog_service_server::CatalogService, orders_service_server::OrdersService};
use rpc::caller;
use tonic::{Request, Response, Status, async_trait};

use crate::{
    app::App,
    domain::{IdempotencyKey, NewOrder, OrderId, PageSize, Sku, UserId},
    error::Error,
};

#[derive(Clone)]
pub struct Grpc {
    pub app: App,
}

#[async_trait]
impl CatalogService for Grpc {
    async fn list_products(
        &self,
        request: Request<pb::ListProductsRequest>,
    ) -> Result<Response<pb::ListProductsResponse>, Status> {
        let request = request.into_inner();
        let size = PageSize::parse(request.page_size).map_err(Error::from)?;
        let page = self.app.products(size, convert::after_sku(&request.page_token)?).await?;
        Ok(Response::new(page.into()))
    }

    async fn get_product(
        &self,
        request: Request<pb::GetProductRequest>,
    ) -> Result<Response<pb::GetProductResponse>, Status> {
        let sku = Sku::parse("sku", &request.get_ref().sku).map_err(Error::from)?;
        let product = self.app.product(&sku).await?;
        Ok(Response::new(pb::GetProductResponse { product: Some(product.into()) }))
    }
}

#[async_trait]
impl OrdersService for Grpc {
    async fn place_order(
        &self,
        request: Request<pb::PlaceOrderRequest>,
    ) -> Result<Response<pb::PlaceOrderResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let key = Some(request.idempotency_key).filter(|key| !key.is_empty());
        let key = key.map(|key| IdempotencyKey::parse(&key)).transpose().map_err(Error::from)?;
        let items: Vec<_> = request.items.into_iter().map(|item| (item.sku, item.quantity)).collect();
        let order = NewOrder::parse(&items).map_err(Error::from)?;
        let order = self.app.place(&caller, order, key).await?;
        Ok(Response::new(pb::PlaceOrderResponse { order: Some(order.into()) }))
    }

    async fn get_order(&self, request: Request<pb::GetOrderRequest>) -> Result<Response<pb::GetOrderResponse>, Status> {
        let caller = caller(&request)?;
        let id = OrderId::parse(&request.get_ref().id).map_err(Error::from)?;
        let order = self.app.get(&caller, id).await?;
        Ok(Response::new(pb::GetOrderResponse { order: Some(order.into()) }))
    }

    async fn list_orders(
        &self,
        request: Request<pb::ListOrdersRequest>,
    ) -> Result<Response<pb::ListOrdersResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let owner = UserId::parse(&request.user_id).map_err(Error::from)?;
        let size = PageSize::parse(request.page_size).map_err(Error::from)?;
        let page = self.app.list(&caller, owner, size, convert::after_order(&request.page_token)?).await?;
        Ok(Response::new(page.into()))
    }

    async fn cancel_order(
        &self,
        request: Request<pb::CancelOrderRequest>,
    ) -> Result<Response<pb::CancelOrderResponse>, Status> {
        let caller = caller(&request)?;
        let id = OrderId::parse(&request.get_ref().id).map_err(Error::from)?;
        let order = self.app.cancel(&caller, id).await?;
        Ok(Response::new(pb::CancelOrderResponse { order: Some(order.into()) }))
    }

    type WatchOrderStream = BoxStream<'static, Result<pb::WatchOrderResponse, Status>>;

    async fn watch_order(
        &self,
        request: Request<pb::WatchOrderRequest>,
    ) -> Result<Response<Self::WatchOrderStream>, Status> {
        let caller = caller(&request)?;
        let pb::WatchOrderRequest { id, after_version } = request.into_inner();
        let id = OrderId::parse(&id).map_err(Error::from)?;
        let versions = self.app.watch(&caller, id, after_version).await?;
        Ok(Response::new(versions.map(|order| Ok(order?.into())).boxed()))
    }
}
