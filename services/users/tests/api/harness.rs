//! A users service on free ports, and people who use it.

use std::{net::SocketAddr, num::NonZeroUsize};

use database::Config as Database;
use discovery::Registry;
use events::Bus;
use identity::{Config, Issuer, Mesh, MeshConfig, Verifier};
use proto::users::v1::{self as pb, users_service_client::UsersServiceClient};
use rpc::{Channel, ServerConfig};
use sqlx::{Connection, Decode, PgConnection, Postgres, Type};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Status};
use users::{Listeners, Users};

pub const PASSWORD: &str = "correct horse battery staple";
pub const SECRET: &str = "a secret for tests, long enough to be one";

pub struct Service {
    pub client: UsersServiceClient<Channel>,
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    pub config: users::Config,
    /// What is heard of it.
    pub bus: Bus,
}

impl Service {
    pub async fn start() -> Self {
        let database = testkit::private_database(&users::MIGRATIONS).await;
        Self::start_on(database, SECRET).await.unwrap()
    }

    pub async fn start_with(change: impl FnOnce(&mut users::Config)) -> Self {
        let database = testkit::private_database(&users::MIGRATIONS).await;
        Self::start_changed(database, SECRET, change).await.unwrap()
    }

    pub async fn start_on(database: Database, secret: &str) -> anyhow::Result<Self> {
        Self::start_changed(database, secret, |_| {}).await
    }

    async fn start_changed(
        database: Database,
        secret: &str,
        change: impl FnOnce(&mut users::Config),
    ) -> anyhow::Result<Self> {
        let (grpc, grpc_addr) = testkit::listener().await;
        let (http, http_addr) = testkit::listener().await;
        let mut config = users::Config {
            grpc_addr,
            http_addr,
            key_secret: secret.to_owned().into(),
            password_concurrency: NonZeroUsize::MIN,
            key_rotation_hours: 720,
            sign_in_failures_per_account: 10,
            sign_in_failures_per_address: 100,
            calls: ServerConfig::default(),
            database,
            issuer: Issuer { token_issuer: "http://tests".to_owned(), token_audience: "tests".to_owned() },
            outside_issuers: Vec::new(),
            mesh: MeshConfig::default(),
            allowed_callers: Vec::new(),
        };
        change(&mut config);
        // Nobody needs to hear what it tells.
        let bus = Bus::in_process(&[]);
        let users = Users::build(&config, &Registry::in_process(), &bus).await?;
        tokio::spawn(users::serve(Listeners { grpc, http }, users, CancellationToken::new()));
        let client = UsersServiceClient::new(testkit::channel(grpc_addr, proto::FILE_DESCRIPTOR_SET));
        Ok(Self { client, grpc: grpc_addr, http: http_addr, config, bus })
    }

    pub async fn register(&self, email: &str) -> pb::User {
        let answer = self.client.clone().register(new_user(email)).await.unwrap();
        answer.into_inner().user.unwrap()
    }

    pub async fn sign_in(&self, email: &str) -> String {
        let credentials = pb::SignInRequest { email: email.to_owned(), password: PASSWORD.to_owned() };
        self.client.clone().sign_in(credentials).await.unwrap().into_inner().access_token
    }

    /// Someone with an account and a token.
    pub async fn person(&self, email: &str) -> Person {
        let user = self.register(email).await;
        let token = self.sign_in(email).await;
        Person { client: self.client.clone(), user, token }
    }

    /// As an operator who makes time pass, or breaks something.
    pub async fn sql(&self, statement: &'static str) {
        let mut operator = PgConnection::connect_with(&self.config.database.database_url).await.unwrap();
        sqlx::query(statement).execute(&mut operator).await.unwrap();
        operator.close().await.unwrap();
    }

    /// One value.
    pub async fn ask<T>(&self, question: &'static str) -> T
    where
        T: for<'r> Decode<'r, Postgres> + Type<Postgres> + Send + Unpin,
    {
        let mut operator = PgConnection::connect_with(&self.config.database.database_url).await.unwrap();
        let answer = sqlx::query_scalar(question).fetch_one(&mut operator).await.unwrap();
        operator.close().await.unwrap();
        answer
    }

    /// As any other service believes this one's tokens.
    pub fn verifier(&self) -> Verifier {
        let token_jwks_url = format!("http://{}/.well-known/jwks.json", self.http).parse().unwrap();
        let config = Config { issuer: self.config.issuer.clone(), token_jwks_url, outside_issuers: Vec::new() };
        Verifier::new(&config, &Registry::in_process(), &Mesh::plain()).unwrap()
    }
}

pub struct Person {
    client: UsersServiceClient<Channel>,
    pub user: pb::User,
    pub token: String,
}

impl Person {
    /// Someone with a token that was come by in another way.
    pub fn known(service: &Service, user: pb::User, token: String) -> Self {
        Self { client: service.client.clone(), user, token }
    }

    pub async fn get(&self, id: &str) -> Result<pb::User, Status> {
        let request = self.request(pb::GetUserRequest { id: id.to_owned() });
        Ok(self.client.clone().get_user(request).await?.into_inner().user.unwrap())
    }

    pub async fn update(&self, id: &str, user: pb::User, paths: &[&str], etag: &str) -> Result<pb::User, Status> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        let request = self.request(pb::UpdateUserRequest {
            id: id.to_owned(),
            user: Some(user),
            update_mask: Some(prost_types::FieldMask { paths }),
            etag: etag.to_owned(),
        });
        Ok(self.client.clone().update_user(request).await?.into_inner().user.unwrap())
    }

    pub async fn delete(&self, id: &str) -> Result<(), Status> {
        self.client.clone().delete_user(self.request(pb::DeleteUserRequest { id: id.to_owned() })).await.map(drop)
    }

    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.token).parse().unwrap());
        request
    }
}

pub fn new_user(email: &str) -> pb::RegisterRequest {
    pb::RegisterRequest {
        email: email.to_owned(),
        display_name: "Ada Lovelace".to_owned(),
        password: PASSWORD.to_owned(),
    }
}

/// The code and, where there is one, the reason.
pub fn refusal<T: std::fmt::Debug>(answer: Result<T, Status>) -> (Code, Option<String>) {
    let status = answer.unwrap_err();
    (status.code(), rpc::status::reason(&status))
}
