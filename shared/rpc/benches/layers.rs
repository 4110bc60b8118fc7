//! A request through layers of middleware: axum's own, which may wait, and ours, which do not.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::Response,
    routing::get,
};
use divan::{Bencher, black_box, counter::ItemsCount};
use futures::FutureExt;
use rpc::middleware::{Passage, from_sync_fn};
use tower::{ServiceBuilder, ServiceExt};

fn main() {
    divan::main();
}

async fn pass(State(_): State<Arc<()>>, request: Request, next: Next) -> Response {
    next.run(request).await
}

fn pass_by(state: Arc<()>, request: Request) -> Passage<impl FnOnce(Response) -> Response> {
    let answer = |response| {
        drop(state);
        response
    };
    Ok((request, answer))
}

macro_rules! six {
    ($layer:expr) => {
        ServiceBuilder::new().layer($layer).layer($layer).layer($layer).layer($layer).layer($layer).layer($layer)
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
fn six_of_axum(bencher: Bencher) {
    let state = Arc::new(());
    requests(bencher, &router().layer(six!(from_fn_with_state(state.clone(), pass))));
}

#[divan::bench]
fn six_that_do_not_wait(bencher: Bencher) {
    let state = Arc::new(());
    let layer = from_sync_fn(move |request| pass_by(state.clone(), request));
    requests(bencher, &router().layer(six!(layer.clone())));
}
