//! What a server puts up with.

use std::{sync::Arc, time::Duration};

use bytes::{Buf, BufMut, Bytes};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::{self, timeout},
};
use tonic::{Code, Request, Response, transport::server::TcpConnectInfo};

use super::{
    echo::{Echo, READ},
    fleet::{Caller, Instance, until},
};

/// The kinds of frames (RFC 9113, section 6), and their flags.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;
const END_STREAM_AND_HEADERS: u8 = 5;

const ENHANCE_YOUR_CALM: u32 = 11;

/// Headers: POST, http, /, each by its number in HPACK's table.
const POST: [u8; 3] = [0x83, 0x86, 0x84];

fn greeting() -> Vec<u8> {
    let mut greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    put_frame(&mut greeting, (SETTINGS, 0, 0), &[]);
    greeting
}

fn put_frame(to: &mut Vec<u8>, (kind, flags, stream): (u8, u8, u32), payload: &[u8]) {
    to.put_uint(payload.len() as u64, 3);
    to.put_u8(kind);
    to.put_u8(flags);
    to.put_u32(stream);
    to.put_slice(payload);
}

/// What is in the first frame of this kind.
async fn next_frame(stream: &mut TcpStream, wanted: u8) -> Bytes {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let mut payload = vec![0; head.as_slice().get_uint(3).try_into().unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if head[3] == wanted {
            return payload.into();
        }
    }
}

#[tokio::test]
async fn who_opens_streams_only_to_reset_them_is_thrown_out() {
    let instance = Instance::start(&Echo::plain()).await;
    let caller = Caller::at(instance.address);
    caller.read("").await.unwrap();

    let mut flood = greeting();
    for stream in (1..1_000).step_by(2) {
        put_frame(&mut flood, (HEADERS, END_STREAM_AND_HEADERS, stream), &POST);
        put_frame(&mut flood, (RST_STREAM, 0, stream), &8_u32.to_be_bytes());
    }
    let mut attacker = TcpStream::connect(instance.address).await.unwrap();
    attacker.write_all(&flood).await.unwrap();
    let goodbye = timeout(Duration::from_secs(5), next_frame(&mut attacker, GOAWAY)).await.unwrap();
    assert_eq!(goodbye.slice(4..8).get_u32(), ENHANCE_YOUR_CALM);

    caller.read("").await.unwrap();
}

#[tokio::test]
async fn a_client_that_is_told_to_go_may_finish_its_sentence() {
    let instance = Instance::start(&Echo::plain()).await;
    let mut client = TcpStream::connect(instance.address).await.unwrap();
    client.write_all(&greeting()).await.unwrap();
    next_frame(&mut client, SETTINGS).await;
    instance.begin_to_stop();
    next_frame(&mut client, GOAWAY).await;
    let mut pong = Vec::new();
    put_frame(&mut pong, (PING, ACK, 0), &next_frame(&mut client, PING).await);
    client.write_all(&pong).await.unwrap();
    let last_words = next_frame(&mut client, GOAWAY).await;
    assert_eq!(last_words.as_ref(), [0; 8], "it has looked at no stream, and nothing is wrong");
    assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);

    // Calls that it sent before it had heard of it. A connection that is closed would be reset by the first.
    for stream in [1, 3] {
        let mut call = Vec::new();
        put_frame(&mut call, (HEADERS, END_STREAM_AND_HEADERS, stream), &POST);
        client.write_all(&call).await.unwrap();
    }
    drop(client);
    timeout(Duration::from_millis(900), instance.stop()).await.expect("it ends when the client has gone");
}

#[tokio::test]
async fn long_headers_are_refused() {
    let echo = Echo::plain();
    let caller = Caller::of(&echo).await;
    let call = |length| {
        let mut request = Request::new(String::new());
        request.metadata_mut().insert("x-long", "x".repeat(length).parse().unwrap());
        caller.call(READ, request)
    };
    call(15 * 1024).await.unwrap();
    let status = call(17 * 1024).await.unwrap_err();
    assert_ne!(status.code(), Code::Unavailable, "{status}");
    assert_eq!(echo.calls(), 1);
    // The connection is none the worse for it.
    call(0).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_kept() {
    let echo = Echo::new(|_, request| async move {
        let connection = request.extensions().get::<TcpConnectInfo>().unwrap();
        Ok(Response::new(connection.remote_addr.unwrap().to_string()))
    });
    let instance = Instance::start(&echo).await;
    let (idle, busy) = (Caller::at(instance.address), Caller::at(instance.address));
    let before = idle.read("").await.unwrap();
    for _ in 0..60 {
        time::pause();
        time::advance(Duration::from_secs(1)).await;
        time::resume();
        // Meanwhile the questions whether the other one is alive are answered.
        busy.read("").await.unwrap();
    }
    assert_eq!(idle.read("").await.unwrap(), before);
}

#[tokio::test]
async fn a_server_that_stops_finishes_what_is_in_flight_and_takes_nothing_new() {
    let gate = Arc::new(Semaphore::new(0));
    let permits = gate.clone();
    let echo = Echo::new(move |_, request| {
        let gate = permits.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            Ok(Response::new(request.into_inner()))
        }
    });
    let instance = Instance::start(&echo).await;
    let caller = Caller::at(instance.address);
    let call = tokio::spawn(async move { caller.write("hello").await });
    until("the call arrives", || echo.calls() == 1).await;
    instance.begin_to_stop();
    timeout(Duration::from_secs(5), async { while TcpStream::connect(instance.address).await.is_ok() {} })
        .await
        .expect("new connections are refused");
    assert!(!call.is_finished());
    gate.add_permits(1);
    assert_eq!(call.await.unwrap().unwrap(), "hello");
    timeout(Duration::from_secs(5), instance.stop()).await.expect("it ends when the last call has");
}
