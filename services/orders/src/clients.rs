//! The services that orders calls, in its own words.

mod accounts;

use events::Listener;
use identity::Caller;
use proto::users::v1::{self as pb, users_service_client::UsersServiceClient};
use rpc::Channel;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use self::accounts::Accounts;
use crate::{domain::UserId, error::Error};

#[derive(Clone)]
pub struct Users {
    client: UsersServiceClient<Channel>,
    accounts: Accounts,
}

impl Users {
    pub fn new(channel: Channel) -> Self {
        Self { client: UsersServiceClient::new(channel), accounts: Accounts::new() }
    }

    /// Makes sure that the caller's account is there, or was a few seconds ago: a token outlives it by some minutes.
    pub async fn confirm_account(&self, caller: &Caller, id: UserId) -> Result<(), Error> {
        let ask = async {
            let mut client = self.client.clone();
            client.confirm_account(caller.request(pb::ConfirmAccountRequest {})).await.map(drop)
        };
        self.accounts.confirm(id, ask).await.map_err(|status| match status.code() {
            Code::Unauthenticated => Error::NoAccount,
            _ => Error::Users(Box::new(Status::clone(&status))),
        })
    }

    /// Hears what becomes of accounts, until `shutdown`.
    pub async fn listen(self, listener: Listener, shutdown: CancellationToken) {
        self.accounts.listen(listener, shutdown).await;
    }
}
