//! Bodies, queries and paths: their shape is judged here, their values by the service that knows what they mean.

use axum::{
    body::Bytes,
    extract::{self, FromRequest, FromRequestParts, Request},
    http::{HeaderMap, Method, StatusCode, header::CONTENT_TYPE, request::Parts},
};
use serde::de::DeserializeOwned;
use serde_path_to_error::Error as PathError;

use crate::{
    object::Object,
    problem::{FieldError, Problem},
};

/// A JSON object as the body; for PATCH it may also call itself a merge patch (RFC 7396).
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.method(), request.headers()) {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail("the body must be application/json"));
        }
        let body = whole_body(request).await?;
        let mut json = serde_json::Deserializer::from_slice(&body);
        let Object(value) = serde_path_to_error::deserialize(&mut json).map_err(|error| malformed("body", error))?;
        json.end().map_err(|error| misshapen("body", error.to_string()))?;
        Ok(Self(value))
    }
}

fn is_json(method: &Method, headers: &HeaderMap) -> bool {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || (media_type == "application/merge-patch+json" && method == Method::PATCH)
}

/// A body within the limit of its route.
async fn whole_body(request: Request) -> Result<Bytes, Problem> {
    Bytes::from_request(request, &()).await.map_err(|rejection| {
        Problem::new(rejection.status()).detail(match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => "the body is too large",
            _ => "the body could not be read",
        })
    })
}

/// What stands behind the question mark.
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(query).map(Self).map_err(|error| malformed("query", error))
    }
}

/// The parts of the path that vary.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = extract::Path::from_request_parts(parts, state).await;
        path.map(|extract::Path(value)| Self(value)).map_err(|rejection| misshapen("path", rejection.body_text()))
    }
}

/// One error with its path: a parser stops at the first.
fn malformed(whole: &str, error: PathError<impl std::error::Error>) -> Problem {
    let path = error.path().to_string();
    let field = match path.as_str() {
        "." | "?" => whole,
        // The body ends before the field has a name.
        path => path.strip_suffix(".?").unwrap_or(path),
    };
    misshapen(field, error.inner().to_string())
}

fn misshapen(field: &str, message: String) -> Problem {
    let error = FieldError { field: field.to_owned(), message };
    Problem::new(StatusCode::BAD_REQUEST).detail("the request is malformed").errors(vec![error])
}
