//! A request through layers of middleware: axum's own, which copy what is within them, and those that share it.

use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use divan::{Bencher, black_box, counter::ItemsCount};
use futures::FutureExt;
use tower::{ServiceBuilder, ServiceExt};

fn main() {
    divan::main();
}

async fn pass(request: Request, next: Next) -> Response {
    next.run(request).await
}

/// As many layers as the gateway has, one after the other.
macro_rules! twelve {
    ($layer:expr) => {
        ServiceBuilder::new()
            .layer($layer)
            .layer($layer)
            .layer($layer)
            .layer($layer)
            .layer($layer)
            .layer($layer)
            .layer($layer)
            .layer($layer)
            .layer($layer)
            .layer($layer)
            .layer($layer)
            .layer($layer)
    };
}

fn requests(bencher: Bencher, router: &Router) {
    bencher.counter(ItemsCount::new(1u32)).bench(|| {
        let answer = router.clone().oneshot(black_box(Request::new(Body::empty())));
        answer.now_or_never().map(|answer| answer.map(|response| response.status()))
    });
}

fn router() -> Router {
    Router::new().route("/", get(async || ()))
}

#[divan::bench]
fn without_layers(bencher: Bencher) {
    requests(bencher, &router());
}

#[divan::bench]
fn twelve_of_axum(bencher: Bencher) {
    requests(bencher, &router().layer(twelve!(middleware::from_fn(pass))));
}

#[divan::bench]
fn twelve_shared(bencher: Bencher) {
    requests(bencher, &router().layer(twelve!(rpc::middleware::from_fn(pass))));
}
