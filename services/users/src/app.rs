//! What the users service does.

mod clients;
mod sign_in;
mod tokens;

use identity::Caller;

pub use self::{
    clients::NewClient,
    sign_in::{Credentials, Limits},
    tokens::{Authorization, Tokens},
};
use crate::{
    audit,
    domain::{Changes, DisplayName, Email, Etag, NewUser, OutsideAccount, User, UserId},
    error::Error,
    keys::Keys,
    passwords::Passwords,
    store::Store,
};

#[derive(Clone)]
pub struct App {
    pub store: Store,
    pub passwords: Passwords,
    pub keys: Keys,
    pub limits: Limits,
}

impl App {
    pub async fn register(&self, user: NewUser) -> Result<User, Error> {
        let password_hash = self.passwords.hash(user.password.clone()).await?;
        let user = self.store.insert(UserId::generate(), &user, &password_hash).await?;
        audit::sign_up(user.id);
        Ok(user)
    }

    pub async fn get(&self, caller: &Caller, id: UserId) -> Result<User, Error> {
        own(caller, id)?;
        self.store.find(id).await?.ok_or(Error::NotFound)
    }

    pub async fn update(&self, caller: &Caller, id: UserId, changes: Changes, etag: Etag) -> Result<User, Error> {
        own(caller, id)?;
        self.store.update(id, &changes, etag).await
    }

    pub async fn delete(&self, caller: &Caller, id: UserId) -> Result<(), Error> {
        own(caller, id)?;
        self.store.delete(id).await?;
        audit::account_deleted(id);
        Ok(())
    }

    /// Someone who signs in elsewhere has an account from the first time that we see them.
    pub async fn welcome(&self, account: &OutsideAccount) -> Result<(), Error> {
        if self.store.insert_outside(account, &DisplayName::of_a_stranger()).await? {
            audit::outside_account_added(account.id);
        }
        Ok(())
    }

    pub async fn grant_admin(&self, email: &Email) -> Result<(), Error> {
        let user = self.store.grant_admin(email).await?;
        audit::admin_granted(user);
        Ok(())
    }
}

/// Somebody else's account looks like none at all.
fn own(caller: &Caller, id: UserId) -> Result<(), Error> {
    if caller.user() == Some(id.0) { Ok(()) } else { Err(Error::NotFound) }
}
