//! What can go wrong for a caller of the users service, and what the caller is told.

use std::time::Duration;

use database::Failure;
use identity::SignerError;
use rpc::status::{bad_request, caused_by, exhausted, failed_precondition, unavailable};
use thiserror::Error;
use tonic::Status;

use crate::domain::Violation;

/// The messages are safe to show; the causes are for the log.
#[derive(Debug, Error)]
pub enum Error {
    #[error("some values are not acceptable")]
    Invalid(Vec<Violation>),
    #[error("this e-mail address has an account")]
    EmailTaken,
    #[error("no such account")]
    NotFound,
    #[error("the etag of the version to be changed is required")]
    EtagMissing,
    #[error("the account was changed in the meantime")]
    EtagMismatch,
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// And how long to wait.
    #[error("there were too many attempts to sign in")]
    TooManyAttempts(Duration),
    #[error("this name is taken by another client")]
    ClientTaken,
    #[error("there is no account behind this access token any more")]
    NoAccount,
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the password could not be hashed")]
    Hash(#[from] argon2::password_hash::Error),
    #[error("the token could not be signed")]
    Sign(#[from] SignerError),
}

impl From<Violation> for Error {
    fn from(violation: Violation) -> Self {
        Self::Invalid(vec![violation])
    }
}

impl From<Vec<Violation>> for Error {
    fn from(violations: Vec<Violation>) -> Self {
        Self::Invalid(violations)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Invalid(violations) => {
                bad_request(violations.into_iter().map(|v| (v.field.to_owned(), v.problem.to_owned())))
            }
            Error::EmailTaken => Self::already_exists(message),
            Error::NotFound => Self::not_found(message),
            Error::EtagMissing => failed_precondition("ETAG_MISSING", message),
            Error::EtagMismatch => failed_precondition("ETAG_MISMATCH", message),
            Error::WrongCredentials | Error::NoAccount => Self::unauthenticated(message),
            Error::TooManyAttempts(wait) => exhausted(message, wait),
            Error::ClientTaken => Self::already_exists(message),
            Error::Database(cause) => match Failure::from(&cause) {
                Failure::TimedOut => caused_by(Self::deadline_exceeded("the deadline is over"), cause),
                Failure::Unavailable => caused_by(unavailable("not available now"), cause),
                Failure::Defect => caused_by(Self::internal("internal error"), cause),
            },
            Error::Hash(cause) => caused_by(Self::internal("internal error"), cause),
            Error::Sign(cause) => caused_by(Self::internal("internal error"), cause),
        }
    }
}
