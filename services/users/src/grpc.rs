//! The contract `users.v1.UsersService` in terms of the use-cases.

use std::net::{IpAddr, Ipv4Addr};

use prost_types::{FieldMask, Timestamp};
use proto::users::v1::{self as pb, users_service_server::UsersService};
use rpc::caller;
use time::OffsetDateTime;
use tonic::{Request, Response, Status, async_trait, metadata::MetadataMap};

use crate::{
    app::{App, Credentials},
    domain::{Changes, DisplayName, Email, Etag, NewUser, User, UserId, Violation},
    error::Error,
};

#[derive(Clone)]
pub struct Grpc {
    pub app: App,
}

#[async_trait]
impl UsersService for Grpc {
    async fn register(&self, request: Request<pb::RegisterRequest>) -> Result<Response<pb::RegisterResponse>, Status> {
        let user = request.into_inner();
        let user = NewUser::parse(&user.email, &user.display_name, user.password).map_err(Error::from)?;
        let user = self.app.register(user).await?;
        Ok(Response::new(pb::RegisterResponse { user: Some(user.into()) }))
    }

    async fn sign_in(&self, request: Request<pb::SignInRequest>) -> Result<Response<pb::SignInResponse>, Status> {
        let address = address(request.metadata());
        let pb::SignInRequest { email, password } = request.into_inner();
        let tokens = self.app.sign_in(Credentials { email, password, address }).await?;
        Ok(Response::new(pb::SignInResponse {
            access_token: tokens.access_token.expose().to_owned(),
            expires_in: tokens.lifetime.as_secs().cast_signed(),
            refresh_token: tokens.refresh_token.map(|token| token.expose().to_owned()).unwrap_or_default(),
            scope: tokens.scopes.to_string(),
        }))
    }

    async fn confirm_account(
        &self,
        request: Request<pb::ConfirmAccountRequest>,
    ) -> Result<Response<pb::ConfirmAccountResponse>, Status> {
        self.app.confirm(&caller(&request)?).await?;
        Ok(Response::new(pb::ConfirmAccountResponse {}))
    }

    async fn get_user(&self, request: Request<pb::GetUserRequest>) -> Result<Response<pb::GetUserResponse>, Status> {
        let caller = caller(&request)?;
        let id = UserId::parse(&request.get_ref().id).map_err(Error::from)?;
        let user = self.app.get(&caller, id).await?;
        Ok(Response::new(pb::GetUserResponse { user: Some(user.into()) }))
    }

    async fn update_user(
        &self,
        request: Request<pb::UpdateUserRequest>,
    ) -> Result<Response<pb::UpdateUserResponse>, Status> {
        let caller = caller(&request)?;
        let request = request.into_inner();
        let id = UserId::parse(&request.id).map_err(Error::from)?;
        let etag = etag(&request.etag)?;
        let changes = changes(request.user.unwrap_or_default(), request.update_mask.unwrap_or_default())?;
        let user = self.app.update(&caller, id, changes, etag).await?;
        Ok(Response::new(pb::UpdateUserResponse { user: Some(user.into()) }))
    }

    async fn delete_user(
        &self,
        request: Request<pb::DeleteUserRequest>,
    ) -> Result<Response<pb::DeleteUserResponse>, Status> {
        let caller = caller(&request)?;
        let id = UserId::parse(&request.get_ref().id).map_err(Error::from)?;
        self.app.delete(&caller, id).await?;
        Ok(Response::new(pb::DeleteUserResponse {}))
    }
}

/// An etag that we never gave matches nothing.
fn etag(text: &str) -> Result<Etag, Error> {
    match text {
        "" => Err(Error::EtagMissing),
        "*" => Ok(Etag::Any),
        version => version.parse().map(Etag::Version).map_err(|_| Error::EtagMismatch),
    }
}

fn changes(user: pb::User, mask: FieldMask) -> Result<Changes, Error> {
    let mut changes = Changes::default();
    let mut violations = Vec::new();
    for path in &mask.paths {
        let changed = match path.as_str() {
            "email" => Email::parse(&user.email).map(|email| changes.email = Some(email)),
            "display_name" => DisplayName::parse(&user.display_name).map(|name| changes.display_name = Some(name)),
            _ => Err(Violation { field: "update_mask", problem: "may name email and display_name only" }),
        };
        violations.extend(changed.err());
    }
    if violations.is_empty() { Ok(changes) } else { Err(violations.into()) }
}

impl From<User> for pb::User {
    fn from(user: User) -> Self {
        Self {
            id: user.id.to_string(),
            email: user.email.as_ref().map(|email| email.as_str().to_owned()).unwrap_or_default(),
            display_name: user.display_name.as_str().to_owned(),
            created_at: Some(timestamp(user.created_at)),
            updated_at: Some(timestamp(user.updated_at)),
            etag: user.etag(),
        }
    }
}

/// Where somebody signs in from, as the gateway tells it. Those of whom it tells nothing are counted as one.
fn address(metadata: &MetadataMap) -> IpAddr {
    let told = metadata.get("x-forwarded-for").and_then(|address| address.to_str().ok()?.parse().ok());
    told.unwrap_or(Ipv4Addr::UNSPECIFIED.into())
}

fn timestamp(time: OffsetDateTime) -> Timestamp {
    Timestamp { seconds: time.unix_timestamp(), nanos: time.nanosecond().cast_signed() }
}
