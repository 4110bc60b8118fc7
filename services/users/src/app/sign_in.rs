//! Signing in with a password, and not too often with a wrong one.

use std::net::IpAddr;

use super::{App, Tokens};
use crate::{
    audit,
    domain::{Attempt, Digest, Email, Password, Person},
    error::Error,
};

/// Failures within 15 minutes, after which nobody is let in.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub per_account: u32,
    pub per_address: u32,
}

/// As typed, and from where.
pub struct Credentials {
    pub email: String,
    pub password: String,
    pub address: IpAddr,
}

impl App {
    pub async fn sign_in(&self, credentials: Credentials) -> Result<Tokens, Error> {
        let person = self.authenticate(credentials).await?;
        self.begin_session(person).await
    }

    /// An unacceptable address or password is a wrong one: what the rules are is for those who sign up.
    ///
    /// The attempt is counted before the password is looked at, so that those who guess at the same time are counted as
    /// well. All that happens here, and how long it takes, is the same whether or not there is such an account.
    pub async fn authenticate(&self, credentials: Credentials) -> Result<Person, Error> {
        let Credentials { email, password, address } = credentials;
        let email = Email::parse(&email).map_err(|_| Error::WrongCredentials)?;
        let password = Password::parse(password).map_err(|_| Error::WrongCredentials)?;
        let attempt = Attempt::of(&email, address);
        let counted = self.count(&attempt).await;
        if let Err(Error::TooManyAttempts(_)) = counted {
            audit::sign_in_limited(address);
        }
        counted?;
        let (person, hash) = self.store.find_credentials(&email).await?.unzip();
        if !self.passwords.verify(password, hash.flatten()).await? {
            audit::sign_in_failed(person.map(|person| person.id), address);
            return Err(Error::WrongCredentials);
        }
        self.store.forget_attempt(&attempt).await?;
        person.ok_or(Error::WrongCredentials)
    }

    /// Of an address that has had its share, nothing counts against the account.
    async fn count(&self, attempt: &Attempt) -> Result<(), Error> {
        self.count_one(&attempt.address, self.limits.per_address).await?;
        self.count_one(&attempt.account, self.limits.per_account).await
    }

    async fn count_one(&self, key: &Digest, limit: u32) -> Result<(), Error> {
        let (before, left) = self.store.count_attempt(key).await?;
        if before < i64::from(limit) { Ok(()) } else { Err(Error::TooManyAttempts(left)) }
    }
}
