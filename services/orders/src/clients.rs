//! The services that orders calls, in its own words.

use identity::Caller;
use proto::users::v1::{self as pb, users_service_client::UsersServiceClient};
use rpc::Channel;
use tonic::Code;

use crate::error::Error;

#[derive(Clone)]
pub struct Users {
    client: UsersServiceClient<Channel>,
}

impl Users {
    pub fn new(channel: Channel) -> Self {
        Self { client: UsersServiceClient::new(channel) }
    }

    /// Makes sure that the caller's account is still there: a token outlives it by some minutes.
    pub async fn confirm_account(&self, caller: &Caller) -> Result<(), Error> {
        match self.client.clone().confirm_account(caller.request(pb::ConfirmAccountRequest {})).await {
            Ok(_) => Ok(()),
            Err(status) if status.code() == Code::Unauthenticated => Err(Error::NoAccount),
            Err(status) => Err(Error::Users(Box::new(status))),
        }
    }
}
