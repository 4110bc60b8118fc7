//! Errors that a client can act on: the details of `google.rpc` in a `Status`.
//!
//! Source: <https://google.aip.dev/193>.

use std::{error::Error, sync::Arc, time::Duration};

pub use telemetry::chain;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// Whose reasons these are: the domain of every `ErrorInfo`.
pub const DOMAIN: &str = "joist";

/// The state of things does not allow it; `reason` is for programs, the message for people.
pub fn failed_precondition(reason: &str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, []);
    Status::with_error_details(Code::FailedPrecondition, message, details)
}

/// Values that cannot be: each with its field, as a path in the request (`items[2].sku`), and what is wrong with it.
pub fn bad_request(violations: impl IntoIterator<Item = (String, String)>) -> Status {
    let violations: Vec<_> = violations.into_iter().map(|(field, what)| FieldViolation::new(field, what)).collect();
    let details = ErrorDetails::with_bad_request(violations);
    Status::with_error_details(Code::InvalidArgument, "some values are not acceptable", details)
}

/// How long a client does well to wait for what is not available.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Not now, but trying again after a second makes sense.
pub fn unavailable(message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(Code::Unavailable, message, details)
}

/// The caller has had its share; there is more after `wait`.
pub fn exhausted(message: impl Into<String>, wait: Duration) -> Status {
    Status::with_error_details(Code::ResourceExhausted, message, ErrorDetails::with_retry_info(Some(wait)))
}

/// The status with the error behind it, which is logged where the call ends and never sent.
pub fn caused_by(mut status: Status, cause: impl Error + Send + Sync + 'static) -> Status {
    status.set_source(Arc::new(cause));
    status
}

/// The reason that a service of ours gave.
pub fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().filter(|info| info.domain == DOMAIN).map(|info| info.reason)
}

/// The fields that a service complains of, and what it says of each.
pub fn violations(status: &Status) -> Vec<(String, String)> {
    let Some(request) = status.get_details_bad_request() else { return Vec::new() };
    request.field_violations.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

/// When trying again makes sense.
pub fn retry_after(status: &Status) -> Option<Duration> {
    status.get_details_retry_info()?.retry_delay
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_survives_the_way_through_a_status() {
        let status = failed_precondition("OUT_OF_STOCK", "not enough of it");
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(reason(&status).as_deref(), Some("OUT_OF_STOCK"));
    }

    #[test]
    fn a_reason_of_another_domain_is_none_of_ours() {
        let details = ErrorDetails::with_error_info("OUT_OF_STOCK", "elsewhere", []);
        let status = Status::with_error_details(Code::FailedPrecondition, "", details);
        assert_eq!(reason(&status), None);
    }

    #[test]
    fn every_violation_survives_the_way_through_a_status() {
        let sent = vec![("email".to_owned(), "too long".to_owned()), ("password".to_owned(), "too short".to_owned())];
        assert_eq!(violations(&bad_request(sent.clone())), sent);
    }

    #[test]
    fn a_cause_is_kept_for_the_log_but_not_in_the_message() {
        let status = caused_by(Status::internal("internal error"), std::io::Error::other("disk on fire"));
        assert!(!status.message().contains("disk"));
        assert!(chain(&status).contains("disk on fire"));
    }
}
