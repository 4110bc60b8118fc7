//! What can go wrong with a call, as far as a caller can do something about it.

use std::error;

/// Why there is no answer. No message holds the ACL token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The [`Config`](crate::Config) cannot work: mending it takes an operator.
    #[error("the client of consul is misconfigured: {0}")]
    Misconfigured(String),
    /// The key or name cannot be part of a path: Consul takes `.`, `..` and empty segments for a way to walk.
    #[error("{0:?} has a segment that is empty or made of dots, which no path of consul's can hold")]
    Unaddressable(String),
    /// Nobody is there, the connection broke, or TLS did not come about. Whether a write was done is not known.
    #[error("consul cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// The answer took too long. Whether a write was done is not known.
    #[error("consul did not answer in time")]
    Timeout(#[source] reqwest::Error),
    /// The ACL token does not allow it, or is not known (403).
    #[error("consul's access control refuses: {0}")]
    Denied(String),
    /// What the call is about does not exist.
    #[error("consul knows of no such thing: {0}")]
    NotFound(String),
    /// Consul will not or cannot do it, for the reason that it gives; 5xx may pass, as when there is no leader.
    #[error("consul answered {status}: {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Consul's own words, cut to 200 characters.
        message: String,
    },
    /// The answer is not what the documentation says: probably this is not Consul.
    #[error("the answer is not one of consul's")]
    Garbled(#[source] Box<dyn error::Error + Send + Sync>),
}

impl Error {
    /// No answer at all, or one that broke off before its body.
    pub(crate) fn sending(cause: reqwest::Error) -> Self {
        let cause = cause.without_url();
        if cause.is_timeout() && !cause.is_connect() {
            Self::Timeout(cause)
        } else if is_no_http(&cause) {
            Self::Garbled(cause.into())
        } else {
            Self::Unreachable(cause)
        }
    }

    /// A body that broke off.
    pub(crate) fn reading(cause: reqwest::Error) -> Self {
        let cause = cause.without_url();
        if cause.is_timeout() { Self::Timeout(cause) } else { Self::Garbled(cause.into()) }
    }

    pub(crate) fn garbled(cause: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self::Garbled(cause.into())
    }
}

/// Whether somebody answered, but not in HTTP.
fn is_no_http(error: &(dyn error::Error + 'static)) -> bool {
    let is_parse_error = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse);
    is_parse_error || error.source().is_some_and(is_no_http)
}
