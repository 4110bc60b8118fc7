//! What can go wrong for a caller of the orders service, and what the caller is told.

use database::Failure;
use rpc::status::{bad_request, caused_by, failed_precondition, unavailable};
use thiserror::Error;
use tonic::Status;

use crate::domain::{Refusal, Violation, WrongState};

/// The messages are safe to show; the causes are for the log.
#[derive(Debug, Error)]
pub enum Error {
    #[error("some values are not acceptable")]
    Invalid(Vec<Violation>),
    #[error("no such product")]
    NoSuchProduct,
    #[error("no such order")]
    NoSuchOrder,
    #[error("there is no account behind this access token any more")]
    NoAccount,
    #[error("an order is placed by a person, not by a program in its own name")]
    NoCustomer,
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("this idempotency key was used for another order")]
    IdempotencyKeyReused,
    #[error("an order that is {} cannot be cancelled", .0.0.as_str())]
    WrongState(#[from] WrongState),
    #[error("too many orders are watched at once")]
    TooManyWatchers,
    #[error("this instance tells no more: ask again, after the last version")]
    WatchedToTheEnd,
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the users service failed")]
    Users(#[source] Box<Status>),
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
            Error::Invalid(violations) => bad_request(violations.into_iter().map(|v| (v.field, v.problem.to_owned()))),
            Error::NoSuchProduct | Error::NoSuchOrder => Self::not_found(message),
            Error::NoAccount => Self::unauthenticated(message),
            Error::NoCustomer => Self::permission_denied(message),
            Error::Refused(refusal) => refused(refusal),
            Error::IdempotencyKeyReused => failed_precondition("IDEMPOTENCY_KEY_REUSED", message),
            Error::WrongState(_) => failed_precondition("WRONG_STATE", message),
            Error::TooManyWatchers => unavailable(message),
            // Without a time to wait: there are other instances.
            Error::WatchedToTheEnd => Self::unavailable(message),
            Error::Database(cause) => match Failure::from(&cause) {
                Failure::TimedOut => caused_by(Self::deadline_exceeded("the deadline is over"), cause),
                Failure::Unavailable => caused_by(unavailable("not available now"), cause),
                Failure::Defect => caused_by(Self::internal("internal error"), cause),
            },
            Error::Users(cause) => users_failed(*cause),
        }
    }
}

fn refused(refusal: Refusal) -> Status {
    let message = refusal.to_string();
    match refusal {
        Refusal::UnknownProducts(skus) => {
            let unknown = skus.into_iter().map(|sku| ("items".to_owned(), format!("{sku} is not in the catalogue")));
            bad_request(unknown)
        }
        Refusal::OutOfStock(_) => failed_precondition("OUT_OF_STOCK", message),
        Refusal::SeveralCurrencies | Refusal::TotalTooLarge => bad_request([("items".to_owned(), message)]),
    }
}

/// Whether trying again makes sense is for the caller to know; what was wrong is not.
fn users_failed(cause: Status) -> Status {
    let status = match cause.code() {
        tonic::Code::Unavailable => unavailable("not available now"),
        tonic::Code::DeadlineExceeded => Status::deadline_exceeded("the deadline is over"),
        _ => Status::internal("internal error"),
    };
    caused_by(status, cause)
}
