//! What the users service does.

use std::{sync::Arc, time::Duration};

use identity::{Caller, Grant, Issuer, Signer, Subject};

use crate::{
    domain::{Changes, Email, Etag, NewUser, Password, User, UserId},
    error::Error,
    passwords::Passwords,
    policy,
    store::Store,
};

/// A stolen token is of use for no longer than this.
const TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);

#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub passwords: Passwords,
    pub signer: Arc<Signer>,
    pub issuer: Issuer,
}

/// A token and how long it is good.
pub struct AccessToken {
    pub token: String,
    pub lifetime: Duration,
}

impl App {
    pub async fn register(&self, user: NewUser) -> Result<User, Error> {
        let password_hash = self.passwords.hash(user.password.clone()).await?;
        self.store.insert(UserId::generate(), &user, &password_hash).await
    }

    /// An unacceptable address or password is a wrong one: what the rules are is for those who sign up.
    pub async fn sign_in(&self, email: &str, password: String) -> Result<AccessToken, Error> {
        let email = Email::parse(email).map_err(|_| Error::WrongCredentials)?;
        let password = Password::parse(password).map_err(|_| Error::WrongCredentials)?;
        let (id, hash) = self.store.find_credentials(&email).await?.unzip();
        let right = self.passwords.verify(password, hash).await?;
        let id = id.filter(|_| right).ok_or(Error::WrongCredentials)?;
        let scopes = "orders:read orders:write users:read users:write".parse().map_err(|_| Error::WrongCredentials)?;
        let grant =
            Grant { subject: Subject::User(id.0), client_id: "joist".to_owned(), scopes, lifetime: TOKEN_LIFETIME };
        let token = self.signer.sign(&self.issuer, &grant)?;
        Ok(AccessToken { token, lifetime: TOKEN_LIFETIME })
    }

    /// The account that the caller's token speaks for is still there. A program that acts in its own name has none.
    pub async fn confirm(&self, caller: &Caller) -> Result<(), Error> {
        let id = caller.user().map(UserId).ok_or(Error::NoAccount)?;
        if self.store.exists(id).await? { Ok(()) } else { Err(Error::NoAccount) }
    }

    /// The caller may speak of this account. Whoever has none any more may speak of nothing.
    async fn allow(&self, caller: &Caller, id: UserId) -> Result<(), Error> {
        if caller.user().is_some() {
            self.confirm(caller).await?;
        }
        policy::own(caller, id)
    }

    pub async fn get(&self, caller: &Caller, id: UserId) -> Result<User, Error> {
        self.allow(caller, id).await?;
        self.store.find(id).await?.ok_or(Error::NotFound)
    }

    pub async fn update(&self, caller: &Caller, id: UserId, changes: Changes, etag: Etag) -> Result<User, Error> {
        self.allow(caller, id).await?;
        self.store.update(id, &changes, etag).await
    }

    pub async fn delete(&self, caller: &Caller, id: UserId) -> Result<(), Error> {
        self.allow(caller, id).await?;
        self.store.delete(id).await
    }
}
