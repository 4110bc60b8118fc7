//! The same over HTTP/2, where one connection has many requests.

use std::{net::SocketAddr, time::Duration};

use axum::{body::Bytes, http::Request};
use h2::{Reason, client};
use tokio::{net::TcpStream, task::JoinHandle, time};
use tokio_util::sync::CancellationToken;

use super::takes;
use crate::harness::Gateway;

type Client = client::SendRequest<Bytes>;

/// A client, and how its connection ends.
async fn connect(gateway: SocketAddr, builder: &client::Builder) -> (Client, JoinHandle<Result<(), h2::Error>>) {
    let stream = TcpStream::connect(gateway).await.unwrap();
    let (client, connection) = builder.handshake(stream).await.unwrap();
    (client, tokio::spawn(connection))
}

fn get(path: &str) -> Request<()> {
    Request::get(format!("http://shop.example{path}")).body(()).unwrap()
}

async fn status(client: &mut Client, request: Request<()>) -> Result<u16, h2::Error> {
    let mut ready = client.clone().ready().await?;
    Ok(ready.send_request(request, true)?.0.await?.status().as_u16())
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused_and_the_next_is_not() {
    let gateway = Gateway::start().await.serve().await;
    let (mut client, _connection) = connect(gateway, &client::Builder::new()).await;
    let mut long = get("/v1/products");
    long.headers_mut().insert("x-long", "x".repeat(17 * 1024).parse().unwrap());
    assert_eq!(status(&mut client, long).await.unwrap(), 431);
    assert_eq!(status(&mut client, get("/v1/products")).await.unwrap(), 200);
}

#[tokio::test]
async fn who_resets_what_he_has_just_asked_for_is_thrown_out() {
    let gateway = Gateway::start().await.serve().await;
    let (mut guest, _connection) = connect(gateway, &client::Builder::new()).await;
    assert_eq!(status(&mut guest, get("/v1/products")).await.unwrap(), 200);
    let (mut attacker, connection) = connect(gateway, &client::Builder::new()).await;
    for _ in 0..10_000 {
        let Ok(mut ready) = attacker.clone().ready().await else { break };
        let Ok((_, mut stream)) = ready.send_request(get("/v1/products"), false) else { break };
        stream.send_reset(Reason::CANCEL);
        attacker = ready;
    }
    let end = connection.await.unwrap().unwrap_err();
    assert_eq!(end.reason(), Some(Reason::ENHANCE_YOUR_CALM), "{end}");
    assert_eq!(status(&mut guest, get("/v1/products")).await.unwrap(), 200);
}

#[tokio::test]
async fn who_does_not_take_his_answer_does_not_keep_us() {
    let gateway = Gateway::start().await.serve().await;
    let (client, connection) = connect(gateway, client::Builder::new().initial_window_size(0)).await;
    let mut ready = client.ready().await.unwrap();
    let (answer, _) = ready.send_request(get("/openapi.json"), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    // Whether it was told why is not ours to say: it does not listen.
    let _ = takes(connection, 29..33).await.unwrap();
}

#[tokio::test]
async fn who_does_not_take_his_answer_keeps_us_even_less_when_we_leave() {
    let shutdown = CancellationToken::new();
    let (gateway, serving) = Gateway::start().await.serve_until(shutdown.clone()).await;
    let (client, _connection) = connect(gateway, client::Builder::new().initial_window_size(0)).await;
    let mut ready = client.ready().await.unwrap();
    let (answer, _) = ready.send_request(get("/openapi.json"), true).unwrap();
    let answer = answer.await.unwrap();
    assert_eq!(answer.status(), 200);
    shutdown.cancel();
    takes(serving, 9..13).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_although_its_client_is_alive() {
    let gateway = Gateway::start().await.serve().await;
    let (mut client, connection) = connect(gateway, &client::Builder::new()).await;
    for _ in 0..2 {
        assert_eq!(status(&mut client, get("/v1/products")).await.unwrap(), 200);
        takes(time::sleep(Duration::from_secs(35)), 35..36).await;
    }
    takes(connection, 20..50).await.unwrap().unwrap();
}
