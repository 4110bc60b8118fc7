//! What can go wrong in the payments service, and what it means to an event that is being handled.

use events::HandlingError;
use thiserror::Error;

use crate::domain::Violation;

#[derive(Debug, Error)]
pub enum Error {
    #[error("a value is not acceptable")]
    Invalid(#[from] Violation),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl From<Error> for HandlingError {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(violation) => Self::Defect(violation.into()),
            Error::Database(cause) => cause.into(),
        }
    }
}
