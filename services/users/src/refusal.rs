//! Why a program does not get a token, in the words of OAuth 2.

use thiserror::Error;

use crate::error::Error;

/// The codes of RFC 6749, section 5.2, and of RFC 7009, section 2.2.1. The messages are safe to show.
#[derive(Debug, Error)]
pub enum Refusal {
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("the client is unknown or has not proven who it is")]
    InvalidClient,
    #[error("the grant is not valid, or not any more, or was given to another client")]
    InvalidGrant,
    #[error("the client may not use this grant")]
    UnauthorizedClient,
    #[error("there are authorization_code, refresh_token and client_credentials")]
    UnsupportedGrantType,
    #[error("nothing of this scope can be granted")]
    InvalidScope,
    #[error("access tokens end by themselves, within minutes")]
    UnsupportedTokenType,
    #[error(transparent)]
    Failed(#[from] Error),
}
