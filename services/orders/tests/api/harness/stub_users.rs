//! The neighbour users, as far as orders knows it.

use std::sync::{
    Arc,
    atomic::{AtomicI32, AtomicUsize, Ordering},
};

use discovery::Peer;
use proto::users::v1::{
    self as users,
    users_service_server::{UsersService, UsersServiceServer},
};
use rpc::ServerConfig;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response, Status, async_trait};

use super::peer;

/// Where it is, what it answers, and how often it was asked.
pub async fn start() -> (Peer, Arc<AtomicI32>, Arc<AtomicUsize>) {
    let (answer, asked) = (Arc::new(AtomicI32::new(Code::Ok.into())), Arc::default());
    let (listener, address) = testkit::listener().await;
    let service = UsersServiceServer::new(StubUsers { answer: answer.clone(), asked: Arc::clone(&asked) });
    let server = rpc::Server::new(&ServerConfig::default(), proto::FILE_DESCRIPTOR_SET).with(service);
    tokio::spawn(server.serve(listener, CancellationToken::new()));
    (peer(address), answer, asked)
}

/// Knows everybody who brings a token, unless it is told to answer otherwise.
struct StubUsers {
    answer: Arc<AtomicI32>,
    asked: Arc<AtomicUsize>,
}

#[async_trait]
impl UsersService for StubUsers {
    async fn confirm_account(
        &self,
        request: Request<users::ConfirmAccountRequest>,
    ) -> Result<Response<users::ConfirmAccountResponse>, Status> {
        assert!(request.metadata().contains_key("authorization"), "the caller's token was not forwarded");
        self.asked.fetch_add(1, Ordering::SeqCst);
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
