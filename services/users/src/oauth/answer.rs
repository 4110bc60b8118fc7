//! What a program is answered: JSON that nobody keeps.

use std::time::Duration;

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{AppendHeaders, IntoResponse, Response},
};
use rpc::status::{chain, retry_after};
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::{app::Tokens, error::Error, refusal::Refusal};

/// A token in a cache is a token in the wrong hands (RFC 6749, section 5.1).
const NOT_KEPT: AppendHeaders<[(axum::http::HeaderName, &str); 1]> = AppendHeaders([(CACHE_CONTROL, "no-store")]);

impl IntoResponse for Tokens {
    fn into_response(self) -> Response {
        let mut body = json!({
            "access_token": self.access_token.expose(),
            "token_type": "Bearer",
            "expires_in": self.lifetime.as_secs(),
            "scope": self.scopes.to_string(),
        });
        if let Some(token) = self.refresh_token {
            body["refresh_token"] = Value::from(token.expose());
        }
        (NOT_KEPT, Json(body)).into_response()
    }
}

impl Refusal {
    /// As programs know it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest(_) => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::Failed(_) => "server_error",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.code(), "error_description": self.to_string() }));
        match self {
            Self::Failed(error) => {
                let failure = Failure::of(error);
                let body = Json(json!({ "error": failure.code(), "error_description": failure.message }));
                failure.told(body)
            }
            // RFC 6749 asks for it where the client came by that header; RFC 9110 asks for it with every 401.
            Self::InvalidClient => {
                let challenge = AppendHeaders([(WWW_AUTHENTICATE, "Basic realm=\"joist\", charset=\"UTF-8\"")]);
                (StatusCode::UNAUTHORIZED, NOT_KEPT, challenge, body).into_response()
            }
            _ => (StatusCode::BAD_REQUEST, NOT_KEPT, body).into_response(),
        }
    }
}

/// An error of the service, by its one table, as HTTP tells it. It is logged here, where the request ends.
pub struct Failure {
    pub status: StatusCode,
    pub message: String,
    wait: Option<Duration>,
}

impl Failure {
    pub fn of(error: Error) -> Self {
        let told = Status::from(error);
        let (status, message) = match told.code() {
            Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "not available now"),
            Code::DeadlineExceeded => (StatusCode::GATEWAY_TIMEOUT, "the deadline is over"),
            Code::ResourceExhausted => (StatusCode::TOO_MANY_REQUESTS, told.message()),
            Code::Unauthenticated => (StatusCode::UNAUTHORIZED, told.message()),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        };
        if status.is_server_error() {
            tracing::error!(status = status.as_u16(), error = chain(&told), "request failed");
        }
        Self { status, message: message.to_owned(), wait: retry_after(&told) }
    }

    /// As programs know it (RFC 6749, section 4.1.2.1).
    fn code(&self) -> &'static str {
        match self.status {
            StatusCode::INTERNAL_SERVER_ERROR => "server_error",
            _ => "temporarily_unavailable",
        }
    }

    /// With this body.
    pub fn told(self, body: impl IntoResponse) -> Response {
        let mut response = (self.status, NOT_KEPT, body).into_response();
        if let Some(wait) = self.wait {
            // Whole seconds, rounded up: earlier would be too early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
