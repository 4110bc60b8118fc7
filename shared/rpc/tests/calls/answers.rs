//! What comes back is what was sent: messages, metadata, details, streams.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, channel::mpsc};
use h2::Reason;
use rpc::status;
use tokio::{sync::Notify, time};
use tonic::{Code, Request, Response};

use super::{
    by_hand::{self, ByHand, Then},
    echo::{Echo, READ},
    fleet::Caller,
};

#[tokio::test]
async fn metadata_travels_both_ways() {
    let echo = Echo::new(|_, request| async move {
        let mut response = Response::new("hello".to_owned());
        response.metadata_mut().insert("x-server", request.metadata().get("x-caller").unwrap().clone());
        Ok(response)
    });
    let mut request = Request::new(String::new());
    request.metadata_mut().insert("x-caller", "a test".parse().unwrap());
    let answer = Caller::of(&echo).await.call(READ, request).await.unwrap();
    assert_eq!(answer.metadata().get("x-server").unwrap(), "a test");
    assert_eq!(answer.into_inner(), "hello");
}

#[tokio::test]
async fn trailers_arrive() {
    let server = ByHand::start(|_, respond| {
        by_hand::answer(respond, "hello");
        Then::GoOn
    });
    let answer = Caller::at(server.await.address).call(READ, Request::new(String::new())).await.unwrap();
    assert_eq!(answer.metadata().get("x-trailer").unwrap(), "the end");
    assert_eq!(answer.into_inner(), "hello");
}

#[tokio::test]
async fn an_answer_of_four_mebibytes_is_the_largest() {
    let echo = Echo::new(|_, request| async { Ok(Response::new("x".repeat(request.into_inner().parse().unwrap()))) });
    let caller = Caller::of(&echo).await;
    let largest = 4 * 1024 * 1024 - 5; // what tells of the text's length
    assert_eq!(caller.read(&largest.to_string()).await.unwrap().len(), largest);
    assert_eq!(caller.read(&(largest + 1).to_string()).await.unwrap_err().code(), Code::OutOfRange);
    // It would be no smaller the next time.
    assert_eq!(echo.calls(), 2);
}

#[tokio::test]
async fn the_details_of_an_error_arrive() {
    let caller = Caller::of(&Echo::failing(|| status::failed_precondition("OUT_OF_STOCK", "not enough of it"))).await;
    let error = caller.write("").await.unwrap_err();
    assert_eq!(error.message(), "not enough of it");
    assert_eq!(status::reason(&error).as_deref(), Some("OUT_OF_STOCK"));
}

#[tokio::test]
async fn a_stream_passes_through_as_it_comes() {
    let echo = Echo::plain();
    let mut stream = Caller::of(&echo).await.watch("first").await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap(), "first");
    echo.say("second");
    assert_eq!(stream.message().await.unwrap().unwrap(), "second");
}

#[tokio::test]
async fn a_stream_goes_there_as_it_comes() {
    let echo = Echo::plain();
    let (sender, texts) = mpsc::unbounded();
    let caller = Caller::of(&echo).await;
    let call = tokio::spawn(async move { caller.collect(texts.map(str::to_owned)).await });
    for text in ["one", "two", "three"] {
        sender.unbounded_send(text).unwrap();
    }
    drop(sender);
    assert_eq!(call.await.unwrap().unwrap(), "one two three");
}

#[tokio::test]
async fn a_stream_takes_as_long_as_it_likes() {
    let echo = Echo::plain();
    let mut stream = Caller::of(&echo).await.watch("first").await.unwrap();
    stream.message().await.unwrap().unwrap();
    time::pause();
    time::advance(Duration::from_secs(60)).await;
    time::resume();
    echo.say("second");
    assert_eq!(stream.message().await.unwrap().unwrap(), "second");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_an_error() {
    let enough = Arc::new(Notify::new());
    let breaks_off = enough.clone();
    let server = ByHand::start(move |_, respond| {
        let (enough, mut stream) = (breaks_off.clone(), respond.send_response(by_hand::head(), false).unwrap());
        tokio::spawn(async move {
            stream.send_data(by_hand::framed("first"), false).unwrap();
            enough.notified().await;
            stream.send_reset(Reason::INTERNAL_ERROR);
        });
        Then::GoOn
    });
    let mut stream = Caller::at(server.await.address).watch("").await.unwrap();
    assert_eq!(stream.message().await.unwrap().unwrap(), "first");
    enough.notify_one();
    assert_eq!(stream.message().await.unwrap_err().code(), Code::Internal);
}
