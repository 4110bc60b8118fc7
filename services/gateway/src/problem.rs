//! What went wrong, as the public is told it: a problem of RFC 9457.

use std::time::Duration;

use axum::{
    body::Body,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// A failed request.
#[derive(Clone, Debug, Serialize, ToSchema, IntoResponses)]
#[response(status = "default", content_type = "application/problem+json")]
pub struct Problem {
    /// A URI; `about:blank` says that the status tells it all
    #[serde(rename = "type")]
    kind: &'static str,
    /// The meaning of the status
    title: &'static str,
    /// The HTTP status again
    status: u16,
    /// What is wrong, for people; never there when it is our fault
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    /// What is wrong, for programs
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The values that are not acceptable, all of them
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// To be quoted to whoever runs this
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(skip)]
    retry_after: Option<Duration>,
    #[serde(skip)]
    cause: Option<String>,
}

/// A value that is not acceptable.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldError {
    /// Where it stands: `items[2].sku`
    pub field: String,
    /// What is wrong with it
    pub message: String,
}

impl Problem {
    pub fn new(status: StatusCode) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Unknown"),
            status: status.as_u16(),
            detail: None,
            reason: None,
            errors: Vec::new(),
            request_id: None,
            retry_after: None,
            cause: None,
        }
    }

    /// Says what is wrong, unless it is our fault, which is nobody's business.
    pub fn detail(self, detail: impl Into<String>) -> Self {
        let detail = Some(detail.into()).filter(|detail| !self.is_our_fault() && !detail.is_empty());
        Self { detail, ..self }
    }

    /// The same for programs.
    pub fn reason(self, reason: Option<String>) -> Self {
        let reason = reason.filter(|_| !self.is_our_fault());
        Self { reason, ..self }
    }

    /// The same, value by value.
    pub fn errors(self, errors: Vec<FieldError>) -> Self {
        let errors = if self.is_our_fault() { Vec::new() } else { errors };
        Self { errors, ..self }
    }

    pub fn retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// What is behind it: for the log, never for the public.
    pub fn cause(self, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    pub fn request_id(self, request_id: Option<String>) -> Self {
        Self { request_id, ..self }
    }

    /// What the log says of it.
    pub fn story(&self) -> String {
        self.detail.as_deref().or(self.cause.as_deref()).unwrap_or(self.title).to_owned()
    }

    pub fn body(&self) -> Body {
        serde_json::to_vec(self).expect("strings and numbers are JSON").into()
    }

    fn is_our_fault(&self) -> bool {
        self.status >= 500
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// The problem also stays with the response, for the layers to complete and to log.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == 401 {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"joist\""));
        }
        if let Some(wait) = self.retry_after {
            // Whole seconds, rounded up: earlier would be too early.
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
        }
        response.extensions_mut().insert(self);
        response
    }
}
