//! The one table from what a service answers to what the public is told.

use axum::http::StatusCode;
use rpc::status::{self, caused_by, unavailable};
use tonic::{Code, Status};

use crate::problem::{FieldError, Problem};

/// A reason decides first, the code second.
impl From<Status> for Problem {
    fn from(answer: Status) -> Self {
        let reason = status::reason(&answer);
        let http = reason.as_deref().and_then(of_reason).unwrap_or_else(|| of_code(answer.code()));
        let violations = status::violations(&answer).into_iter();
        Self::new(http)
            .detail(answer.message())
            .reason(reason)
            .errors(violations.map(|(field, message)| FieldError { field, message }).collect())
            .retry_after(status::retry_after(&answer))
            .cause(status::chain(&answer))
    }
}

impl From<identity::Error> for Problem {
    fn from(error: identity::Error) -> Self {
        let message = error.to_string();
        let status = match error {
            identity::Error::Missing | identity::Error::Invalid => Status::unauthenticated(message),
            identity::Error::KeysUnavailable(_) => unavailable(message),
        };
        caused_by(status, error).into()
    }
}

fn of_reason(reason: &str) -> Option<StatusCode> {
    match reason {
        "OUT_OF_STOCK" | "WRONG_STATE" => Some(StatusCode::CONFLICT),
        "IDEMPOTENCY_KEY_REUSED" => Some(StatusCode::UNPROCESSABLE_ENTITY),
        "ETAG_MISMATCH" => Some(StatusCode::PRECONDITION_FAILED),
        "ETAG_MISSING" => Some(StatusCode::PRECONDITION_REQUIRED),
        _ => None,
    }
}

fn of_code(code: Code) -> StatusCode {
    match code {
        // A success that comes as an error is a defect.
        Code::Ok | Code::Cancelled | Code::Unknown | Code::Internal | Code::DataLoss => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        Code::InvalidArgument | Code::OutOfRange | Code::FailedPrecondition => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
    }
}
