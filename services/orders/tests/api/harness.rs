//! An orders service on free ports, its neighbour users as a stub, and people who order.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI32, Ordering},
    },
};

use discovery::{Peer, Registry};
use identity::MeshConfig;
use orders::Orders;
use proto::{
    orders::v1::{
        self as pb, catalog_service_client::CatalogServiceClient, orders_service_client::OrdersServiceClient,
    },
    users::v1::{
        self as users,
        users_service_server::{UsersService, UsersServiceServer},
    },
};
use rpc::{Channel, ClientConfig, ServerConfig};
use sqlx::{Connection, PgConnection};
use testkit::Tokens;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, async_trait};
use uuid::Uuid;

pub struct Service {
    pub catalog: CatalogServiceClient<Channel>,
    pub orders: OrdersServiceClient<Channel>,
    pub grpc: SocketAddr,
    /// What users answers when it is asked for an account.
    pub users_answer: Arc<AtomicI32>,
    pub tokens: Tokens,
    pub database: database::Config,
}

impl Service {
    pub async fn start() -> Self {
        Self::start_on(testkit::private_database(&orders::MIGRATIONS).await).await
    }

    pub async fn start_on(database: database::Config) -> Self {
        let (users, users_answer) = stub_users().await;
        Self { users_answer, ..Self::start_with(database, users).await }
    }

    pub async fn start_with(database: database::Config, users_url: Peer) -> Self {
        let tokens = Tokens::issuer().await;
        let (listener, grpc_addr) = testkit::listener().await;
        let config = orders::Config {
            grpc_addr,
            users_url,
            calls: ServerConfig::default(),
            client: ClientConfig::default(),
            database: database.clone(),
            identity: tokens.config.clone(),
            mesh: MeshConfig::default(),
            allowed_callers: Vec::new(),
        };
        let service = Orders::build(&config, &Registry::in_process()).await.unwrap();
        tokio::spawn(orders::serve(listener, service, CancellationToken::new()));
        let channel = testkit::channel(grpc_addr, proto::FILE_DESCRIPTOR_SET);
        Self {
            catalog: CatalogServiceClient::new(channel.clone()),
            orders: OrdersServiceClient::new(channel),
            grpc: grpc_addr,
            users_answer: Arc::default(),
            tokens,
            database,
        }
    }

    /// Someone with an account.
    pub fn person(&self) -> Person {
        let id = Uuid::now_v7();
        Person { id, orders: self.orders.clone(), authorization: self.tokens.bearer(id) }
    }

    pub async fn stock(&self, sku: &str) -> i64 {
        let request = pb::GetProductRequest { sku: sku.to_owned() };
        self.catalog.clone().get_product(request).await.unwrap().into_inner().product.unwrap().stock
    }

    /// A way around the service, for what only an operator could do.
    pub async fn sql(&self, statement: &'static str) {
        let mut connection = PgConnection::connect_with(&self.database.database_url).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    }

    pub async fn count(&self, query: &'static str) -> i64 {
        let mut connection = PgConnection::connect_with(&self.database.database_url).await.unwrap();
        sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
    }
}

pub fn peer(address: SocketAddr) -> Peer {
    format!("http://{address}").parse().unwrap()
}

#[derive(Clone)]
pub struct Person {
    pub id: Uuid,
    pub orders: OrdersServiceClient<Channel>,
    pub authorization: String,
}

impl Person {
    pub async fn place(&self, items: &[(&str, i64)]) -> Result<pb::Order, Status> {
        self.place_with_key(items, "").await
    }

    pub async fn place_with_key(&self, items: &[(&str, i64)], key: &str) -> Result<pb::Order, Status> {
        let item = |(sku, quantity): &(&str, i64)| pb::place_order_request::Item {
            sku: (*sku).to_owned(),
            quantity: *quantity,
        };
        let message =
            pb::PlaceOrderRequest { items: items.iter().map(item).collect(), idempotency_key: key.to_owned() };
        let answer = self.orders.clone().place_order(self.request(message)).await?;
        Ok(answer.into_inner().order.unwrap())
    }

    pub async fn get(&self, id: &str) -> Result<pb::Order, Status> {
        let request = self.request(pb::GetOrderRequest { id: id.to_owned() });
        Ok(self.orders.clone().get_order(request).await?.into_inner().order.unwrap())
    }

    pub async fn cancel(&self, id: &str) -> Result<pb::Order, Status> {
        let request = self.request(pb::CancelOrderRequest { id: id.to_owned() });
        Ok(self.orders.clone().cancel_order(request).await?.into_inner().order.unwrap())
    }

    pub async fn list(
        &self,
        user_id: &str,
        page_size: Option<i32>,
        page_token: &str,
    ) -> Result<pb::ListOrdersResponse, Status> {
        let message =
            pb::ListOrdersRequest { user_id: user_id.to_owned(), page_size, page_token: page_token.to_owned() };
        Ok(self.orders.clone().list_orders(self.request(message)).await?.into_inner())
    }

    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.authorization.parse().unwrap());
        request
    }
}

/// The code and, where there is one, the reason.
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, Option<String>) {
    let status = answer.unwrap_err();
    (status.code(), rpc::status::reason(&status))
}

/// The fields that are complained of.
pub fn fields<T: std::fmt::Debug>(answer: Result<T, Status>) -> Vec<String> {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    rpc::status::violations(&status).into_iter().map(|(field, _)| field).collect()
}

async fn stub_users() -> (Peer, Arc<AtomicI32>) {
    let answer = Arc::new(AtomicI32::new(Code::Ok.into()));
    let (listener, address) = testkit::listener().await;
    let service = UsersServiceServer::new(StubUsers { answer: answer.clone() });
    let server = rpc::Server::new(&ServerConfig::default(), proto::FILE_DESCRIPTOR_SET).with(service);
    tokio::spawn(server.serve(listener, CancellationToken::new()));
    (peer(address), answer)
}

/// Knows everybody who brings a token, unless it is told to answer otherwise.
struct StubUsers {
    answer: Arc<AtomicI32>,
}

#[async_trait]
impl UsersService for StubUsers {
    async fn confirm_account(
        &self,
        request: Request<users::ConfirmAccountRequest>,
    ) -> Result<Response<users::ConfirmAccountResponse>, Status> {
        assert!(request.metadata().contains_key("authorization"), "the caller's token was not forwarded");
        match Code::from(self.answer.load(Ordering::SeqCst)) {
            Code::Ok => Ok(Response::new(users::ConfirmAccountResponse {})),
            code => Err(Status::new(code, "a secret of the users service")),
        }
    }

    async fn get_user(&self, _: Request<users::GetUserRequest>) -> Result<Response<users::GetUserResponse>, Status> {
        Err(Status::unimplemented("orders reads no accounts"))
    }

    async fn register(&self, _: Request<users::RegisterRequest>) -> Result<Response<users::RegisterResponse>, Status> {
        Err(Status::unimplemented("orders does not register"))
    }

    async fn sign_in(&self, _: Request<users::SignInRequest>) -> Result<Response<users::SignInResponse>, Status> {
        Err(Status::unimplemented("orders does not sign in"))
    }

    async fn update_user(
        &self,
        _: Request<users::UpdateUserRequest>,
    ) -> Result<Response<users::UpdateUserResponse>, Status> {
        Err(Status::unimplemented("orders does not update users"))
    }

    async fn delete_user(
        &self,
        _: Request<users::DeleteUserRequest>,
    ) -> Result<Response<users::DeleteUserResponse>, Status> {
        Err(Status::unimplemented("orders does not delete users"))
    }
}
