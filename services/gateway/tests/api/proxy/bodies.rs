//! Bodies on their way through the proxy: passed on as they come, bounded in size and in time.

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, BodyDataStream, Bytes},
    http::Request,
};
use futures::{
    StreamExt,
    channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded},
    stream,
};
use tokio::time::{self, Instant};
use tower::ServiceExt;

use super::{JWKS, in_front_of, serve, start};
use crate::harness::{Gateway, bare, with};

type Chunk = io::Result<Bytes>;

const LIMIT: usize = 64 * 1024;

/// Sends what comes out of the channel, and ends with it.
fn body(chunks: UnboundedReceiver<Chunk>) -> Body {
    Body::from_stream(chunks)
}

fn send(sender: &UnboundedSender<Chunk>, chunk: &'static str) {
    sender.unbounded_send(Ok(Bytes::from_static(chunk.as_bytes()))).unwrap();
}

/// The answer of an upstream that sends what it is told to, when it is told to.
async fn answer_in_chunks() -> (UnboundedSender<Chunk>, BodyDataStream) {
    answer_in_chunks_to(bare("GET", JWKS)).await
}

async fn answer_in_chunks_to(request: Request<Body>) -> (UnboundedSender<Chunk>, BodyDataStream) {
    let (sender, chunks) = unbounded();
    let chunks = Arc::new(Mutex::new(Some(chunks)));
    let upstream = Router::new().fallback(async move || body(chunks.lock().unwrap().take().unwrap()));
    let gateway = in_front_of(serve(upstream).await).await;
    let answer = gateway.router.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    (sender, answer.into_body().into_data_stream())
}

#[tokio::test]
async fn an_answer_is_passed_on_as_it_comes() {
    let (sender, mut answer) = answer_in_chunks().await;
    for chunk in ["one", "two"] {
        send(&sender, chunk);
        assert_eq!(answer.next().await.unwrap().unwrap(), chunk);
    }
    drop(sender);
    assert!(answer.next().await.is_none());
}

#[tokio::test]
async fn not_even_compression_keeps_the_beginning_back() {
    let (sender, mut answer) = answer_in_chunks_to(with(bare("GET", JWKS), "accept-encoding", "gzip")).await;
    send(&sender, "one");
    assert!(answer.next().await.unwrap().unwrap().starts_with(b"\x1f\x8b"));
}

#[tokio::test]
async fn an_answer_may_pause_but_not_for_ever() {
    let (sender, mut answer) = answer_in_chunks().await;
    for chunk in ["one", "two", "three"] {
        time::pause();
        time::advance(Duration::from_secs(20)).await;
        time::resume();
        send(&sender, chunk);
        assert_eq!(answer.next().await.unwrap().unwrap(), chunk);
    }
    let start = Instant::now();
    time::pause();
    assert!(answer.next().await.unwrap().is_err());
    let waited = start.elapsed().as_secs_f64();
    assert!((29.0..31.0).contains(&waited), "{waited}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    let (sender, mut answer) = answer_in_chunks().await;
    send(&sender, "half of");
    assert_eq!(answer.next().await.unwrap().unwrap(), "half of");
    sender.unbounded_send(Err(io::ErrorKind::BrokenPipe.into())).unwrap();
    assert!(answer.next().await.unwrap().is_err());
}

/// A gateway in front of an upstream that tells of each chunk when it has come.
async fn upload() -> (Gateway, UnboundedReceiver<Bytes>) {
    let (seen, chunks) = unbounded();
    let upstream = Router::new().fallback(async move |body: Body| {
        let mut body = body.into_data_stream();
        while let Some(Ok(chunk)) = body.next().await {
            seen.unbounded_send(chunk).unwrap();
        }
    });
    (in_front_of(serve(upstream).await).await, chunks)
}

#[tokio::test]
async fn an_upload_is_passed_on_as_it_comes() {
    let (gateway, mut seen) = upload().await;
    let (sender, chunks) = unbounded();
    let request = bare("POST", JWKS).map(|_| body(chunks));
    let answer = tokio::spawn(async move { gateway.send(request).await });
    for chunk in ["one", "two"] {
        send(&sender, chunk);
        assert_eq!(seen.next().await.unwrap(), chunk);
    }
    assert!(!answer.is_finished());
    drop(sender);
    assert_eq!(answer.await.unwrap().status, 200);
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_the_clients_doing() {
    let (gateway, _seen) = upload().await;
    let chunks = [Ok(Bytes::from_static(b"half of")), Err(io::Error::other("no route to 10.0.0.7"))];
    let answer = gateway.send(bare("POST", JWKS).map(|_| Body::from_stream(stream::iter(chunks)))).await;
    assert_eq!(answer.problem(400)["detail"], "the body breaks off");
    assert!(!format!("{answer:?}").contains("10.0.0.7"), "{answer:?}");
}

#[tokio::test]
async fn an_upload_that_pauses_too_long_ends_with_the_deadline() {
    let (gateway, mut seen) = upload().await;
    let (sender, chunks) = unbounded();
    send(&sender, "half of");
    let start = Instant::now();
    let stalls = async {
        assert_eq!(seen.next().await.unwrap(), "half of");
        time::pause();
    };
    let (answer, ()) = tokio::join!(gateway.send(bare("POST", JWKS).map(|_| body(chunks))), stalls);
    answer.problem(408);
    assert!(start.elapsed() > Duration::from_millis(4900), "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_largest_body_is_passed_on_and_one_byte_more_is_not() {
    let (gateway, upstream, _) = start().await;
    let whole = |size| bare("POST", JWKS).map(|_| Body::from(vec![b' '; size]));
    let streamed = |size| {
        let chunks = [vec![b' '; size - 1], vec![b' ']].map(|chunk| Ok::<_, io::Error>(Bytes::from(chunk)));
        bare("POST", JWKS).map(|_| Body::from_stream(stream::iter(chunks)))
    };
    for request in [whole(LIMIT), streamed(LIMIT)] {
        assert_eq!(gateway.send(request).await.status, 418);
    }
    for request in [whole(LIMIT + 1), streamed(LIMIT + 1)] {
        assert_eq!(gateway.send(request).await.problem(413)["detail"], "the body is too large");
    }
    assert_eq!(upstream.seen().iter().map(|seen| seen.body.len()).collect::<Vec<_>>(), [LIMIT, LIMIT]);
}

#[tokio::test]
async fn that_a_client_waits_to_be_asked_for_its_body_is_between_it_and_us() {
    let (gateway, upstream, _) = start().await;
    let request = bare("POST", JWKS).map(|_| Body::from("grant_type=x"));
    gateway.send(with(request, "expect", "100-continue")).await;
    let seen = &upstream.seen()[0];
    assert_eq!((seen.headers.get("expect"), &seen.body[..]), (None, &b"grant_type=x"[..]));
}
