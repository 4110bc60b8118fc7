//! What the users service does.

mod clients;
mod sign_in;
mod tokens;

use identity::{Caller, Outside};

pub use self::{
    clients::NewClient,
    sign_in::{Credentials, Limits},
    tokens::{Authorization, Tokens},
};
use crate::{
    audit,
    domain::{Changes, DisplayName, Email, Etag, NewUser, User, UserId},
    error::Error,
    keys::Keys,
    passwords::Passwords,
    policy,
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

    /// The account that the caller's token speaks for is still there. A program that acts in its own name has none.
    /// Someone who signs in elsewhere has one from the first time that we see them.
    pub async fn confirm(&self, caller: &Caller) -> Result<(), Error> {
        let id = caller.user().map(UserId).ok_or(Error::NoAccount)?;
        if self.store.exists(id).await? {
            return Ok(());
        }
        match caller.outside() {
            Some(outside) => self.welcome(id, outside).await,
            None => Err(Error::NoAccount),
        }
    }

    async fn welcome(&self, id: UserId, outside: &Outside) -> Result<(), Error> {
        if self.store.insert_outside(id, outside, &DisplayName::of_a_stranger()).await? {
            audit::outside_account_added(id);
            return Ok(());
        }
        // It was deleted, or another request of theirs was first.
        if self.store.exists(id).await? { Ok(()) } else { Err(Error::NoAccount) }
    }

    /// The caller may speak of this account. Whoever has none any more may speak of nothing.
    async fn allow(&self, caller: &Caller, id: UserId) -> Result<(), Error> {
        if caller.user().is_some() {
            self.confirm(caller).await?;
        }
        policy::own(caller, id)
    }

    /// Does this with an account of which the caller may speak. One's own is there if this finds it: only where it does
    /// not has anybody to look why.
    async fn with<T, F>(&self, caller: &Caller, id: UserId, what: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        if policy::is_own(caller, id) {
            match what().await {
                Err(Error::NotFound) => {}
                done => return done,
            }
        }
        self.allow(caller, id).await?;
        what().await
    }

    pub async fn get(&self, caller: &Caller, id: UserId) -> Result<User, Error> {
        self.with(caller, id, || async { self.store.find(id).await?.ok_or(Error::NotFound) }).await
    }

    pub async fn update(&self, caller: &Caller, id: UserId, changes: Changes, etag: Etag) -> Result<User, Error> {
        self.with(caller, id, || self.store.update(id, &changes, etag)).await
    }

    pub async fn delete(&self, caller: &Caller, id: UserId) -> Result<(), Error> {
        self.with(caller, id, || self.store.delete(id)).await?;
        audit::account_deleted(id);
        Ok(())
    }

    pub async fn grant_admin(&self, email: &Email) -> Result<(), Error> {
        let user = self.store.grant_admin(email).await?;
        audit::admin_granted(user);
        Ok(())
    }
}
