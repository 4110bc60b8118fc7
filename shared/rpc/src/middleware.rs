//! Middleware that waits for nothing itself: it looks at a request, and at its answer.

use std::task::{Context, Poll};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use futures::{
    TryFutureExt,
    future::{Either, MapOk, Ready, ready},
};
use tower::{Layer, Service};

/// What becomes of a request: it goes further in, and `A` makes of its answer what the caller gets; or it is answered here.
pub type Passage<A> = Result<(Request, A), Response>;

/// A layer of such middleware. Unlike axum's `from_fn`, which is for middleware that waits, it copies nothing of what is
/// further in and takes no memory of its own.
pub fn from_sync_fn<F>(pass: F) -> FromSyncFnLayer<F> {
    FromSyncFnLayer(pass)
}

/// What [`from_sync_fn`] makes.
#[derive(Clone)]
pub struct FromSyncFnLayer<F>(F);

impl<S, F: Clone> Layer<S> for FromSyncFnLayer<F> {
    type Service = FromSyncFn<S, F>;

    fn layer(&self, inner: S) -> FromSyncFn<S, F> {
        FromSyncFn { inner, pass: self.0.clone() }
    }
}

/// A service, and what every request and answer passes on its way.
#[derive(Clone)]
pub struct FromSyncFn<S, F> {
    inner: S,
    pass: F,
}

impl<S, F, A> Service<Request> for FromSyncFn<S, F>
where
    S: Service<Request>,
    S::Response: IntoResponse,
    F: Fn(Request) -> Passage<A>,
    A: FnOnce(Response) -> Response,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Either<MapOk<MapOk<S::Future, fn(S::Response) -> Response>, A>, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        match (self.pass)(request) {
            Ok((request, answer)) => {
                let into_response: fn(S::Response) -> Response = IntoResponse::into_response;
                Either::Left(self.inner.call(request).map_ok(into_response).map_ok(answer))
            }
            Err(refusal) => Either::Right(ready(Ok(refusal))),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use http::StatusCode;
    use tower::ServiceExt;

    use super::*;

    /// Lets in who knows the word, and tells so.
    fn gate(request: Request) -> Passage<impl FnOnce(Response) -> Response> {
        if request.uri().query() != Some("sesame") {
            return Err(StatusCode::FORBIDDEN.into_response());
        }
        let tell = |mut response: Response| {
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        };
        Ok((request, tell))
    }

    async fn status(uri: &str) -> StatusCode {
        let router = Router::new().route("/", get(async || ())).layer(from_sync_fn(gate));
        let request = Request::get(uri).body(Body::empty()).unwrap();
        router.oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn an_answer_passes_by_the_middleware_that_let_its_request_in() {
        assert_eq!(status("/?sesame").await, StatusCode::ACCEPTED);
    }

    #[tokio::test]
    async fn who_is_refused_gets_the_refusal() {
        assert_eq!(status("/").await, StatusCode::FORBIDDEN);
    }
}
