//! The services behind the gateway: they answer what they are told to, and remember what they were asked.

use std::{
    any::Any,
    collections::VecDeque,
    future::pending,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use discovery::Peer;
use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    stream::{self, BoxStream},
};
use proto::{
    orders::v1::{
        self as orders,
        catalog_service_server::{CatalogService, CatalogServiceServer},
        orders_service_server::{OrdersService, OrdersServiceServer},
    },
    users::v1::{
        self as users,
        users_service_server::{UsersService, UsersServiceServer},
    },
};
use rpc::ServerConfig;
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, async_trait, metadata::MetadataMap};

use crate::stubs::canned::{order, product, user};

pub mod canned;

#[derive(Clone)]
pub struct Answers {
    pub failure: Option<Status>,
    /// The same, but for the next call only.
    pub first_failure: Option<Status>,
    pub hangs: bool,
    pub user: Option<users::User>,
    pub product: Option<orders::Product>,
    pub order: Option<orders::Order>,
    pub next_page_token: String,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            failure: None,
            first_failure: None,
            hangs: false,
            user: Some(user()),
            product: Some(product()),
            order: Some(order()),
            next_page_token: String::new(),
        }
    }
}

type Call = (MetadataMap, Box<dyn Any + Send>);

/// Of an order that is watched.
pub type State = Result<orders::WatchOrderResponse, Status>;

/// Any of the services.
#[derive(Clone, Default)]
pub struct Stub {
    answers: Arc<Mutex<Answers>>,
    calls: Arc<Mutex<Vec<Call>>>,
    scripts: Arc<Mutex<VecDeque<UnboundedReceiver<State>>>>,
    reached: Arc<Notify>,
}

impl Stub {
    pub async fn serve(&self) -> Peer {
        let (address, _) = self.serve_until(CancellationToken::new()).await;
        format!("http://{address}").parse().unwrap()
    }

    /// The same, and what ends when it has served everybody after the signal.
    pub async fn serve_until(&self, shutdown: CancellationToken) -> (SocketAddr, JoinHandle<anyhow::Result<()>>) {
        let (listener, address) = testkit::listener().await;
        let server = rpc::Server::new(&ServerConfig::default(), proto::FILE_DESCRIPTOR_SET)
            .with(UsersServiceServer::new(self.clone()))
            .with(CatalogServiceServer::new(self.clone()))
            .with(OrdersServiceServer::new(self.clone()));
        (address, tokio::spawn(server.serve(listener, shutdown)))
    }

    pub fn set(&self, change: impl FnOnce(&mut Answers)) {
        change(&mut self.answers.lock().unwrap());
    }

    pub fn fail(&self, failure: Status) {
        self.set(|answers| answers.failure = Some(failure));
    }

    /// Who watches an order next is told what is said here, until this is dropped. Without it, an order is pending and then
    /// confirmed.
    pub fn script(&self) -> UnboundedSender<State> {
        let (sender, states) = unbounded();
        self.scripts.lock().unwrap().push_back(states);
        sender
    }

    pub fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// Waits for a call.
    pub async fn reached(&self) {
        self.reached.notified().await;
    }

    /// What was asked last.
    #[track_caller]
    pub fn asked<Q: Clone + 'static>(&self) -> Q {
        let calls = self.calls.lock().unwrap();
        let (_, message) = calls.last().expect("nothing was asked");
        message.downcast_ref::<Q>().expect("something else was asked").clone()
    }

    /// What came along with it.
    #[track_caller]
    pub fn metadata(&self, name: &str) -> Option<String> {
        let calls = self.calls.lock().unwrap();
        let (metadata, _) = calls.last().expect("nothing was asked");
        metadata.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    async fn answer<Q: Send + 'static, A>(
        &self,
        request: Request<Q>,
        answer: impl FnOnce(Answers) -> A,
    ) -> Result<Response<A>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.calls.lock().unwrap().push((metadata, Box::new(message)));
        self.reached.notify_one();
        let first_failure = self.answers.lock().unwrap().first_failure.take();
        let answers = self.answers.lock().unwrap().clone();
        if answers.hangs {
            pending::<()>().await;
        }
        first_failure.or(answers.failure.clone()).map_or_else(|| Ok(Response::new(answer(answers))), Err)
    }
}

#[async_trait]
impl UsersService for Stub {
    async fn register(
        &self,
        request: Request<users::RegisterRequest>,
    ) -> Result<Response<users::RegisterResponse>, Status> {
        self.answer(request, |Answers { user, .. }| users::RegisterResponse { user }).await
    }

    async fn sign_in(&self, request: Request<users::SignInRequest>) -> Result<Response<users::SignInResponse>, Status> {
        self.answer(request, |_| canned::session()).await
    }

    async fn confirm_account(
        &self,
        request: Request<users::ConfirmAccountRequest>,
    ) -> Result<Response<users::ConfirmAccountResponse>, Status> {
        self.answer(request, |_| users::ConfirmAccountResponse {}).await
    }

    async fn get_user(
        &self,
        request: Request<users::GetUserRequest>,
    ) -> Result<Response<users::GetUserResponse>, Status> {
        self.answer(request, |Answers { user, .. }| users::GetUserResponse { user }).await
    }

    async fn update_user(
        &self,
        request: Request<users::UpdateUserRequest>,
    ) -> Result<Response<users::UpdateUserResponse>, Status> {
        self.answer(request, |Answers { user, .. }| users::UpdateUserResponse { user }).await
    }

    async fn delete_user(
        &self,
        request: Request<users::DeleteUserRequest>,
    ) -> Result<Response<users::DeleteUserResponse>, Status> {
        self.answer(request, |_| users::DeleteUserResponse {}).await
    }
}

#[async_trait]
impl CatalogService for Stub {
    async fn list_products(
        &self,
        request: Request<orders::ListProductsRequest>,
    ) -> Result<Response<orders::ListProductsResponse>, Status> {
        self.answer(request, |Answers { product, next_page_token, .. }| orders::ListProductsResponse {
            products: product.into_iter().collect(),
            next_page_token,
        })
        .await
    }

    async fn get_product(
        &self,
        request: Request<orders::GetProductRequest>,
    ) -> Result<Response<orders::GetProductResponse>, Status> {
        self.answer(request, |Answers { product, .. }| orders::GetProductResponse { product }).await
    }
}

#[async_trait]
impl OrdersService for Stub {
    async fn place_order(
        &self,
        request: Request<orders::PlaceOrderRequest>,
    ) -> Result<Response<orders::PlaceOrderResponse>, Status> {
        self.answer(request, |Answers { order, .. }| orders::PlaceOrderResponse { order }).await
    }

    async fn get_order(
        &self,
        request: Request<orders::GetOrderRequest>,
    ) -> Result<Response<orders::GetOrderResponse>, Status> {
        self.answer(request, |Answers { order, .. }| orders::GetOrderResponse { order }).await
    }

    async fn list_orders(
        &self,
        request: Request<orders::ListOrdersRequest>,
    ) -> Result<Response<orders::ListOrdersResponse>, Status> {
        self.answer(request, |Answers { order, next_page_token, .. }| orders::ListOrdersResponse {
            orders: order.into_iter().map(|order| orders::Order { lines: Vec::new(), ..order }).collect(),
            next_page_token,
        })
        .await
    }

    async fn cancel_order(
        &self,
        request: Request<orders::CancelOrderRequest>,
    ) -> Result<Response<orders::CancelOrderResponse>, Status> {
        self.answer(request, |Answers { order, .. }| orders::CancelOrderResponse { order }).await
    }

    type WatchOrderStream = BoxStream<'static, State>;

    async fn watch_order(
        &self,
        request: Request<orders::WatchOrderRequest>,
    ) -> Result<Response<Self::WatchOrderStream>, Status> {
        let after = request.get_ref().after_version;
        let answer = self.answer(request, |Answers { order, .. }| canned::states(order.as_ref())).await?;
        let script = self.scripts.lock().unwrap().pop_front();
        Ok(answer.map(|states| match script {
            Some(script) => script.boxed(),
            None => stream::iter(states).filter(move |state| std::future::ready(state.version > after)).map(Ok).boxed(),
        }))
    }
}
