//! The end of a gateway: what is in flight is finished, and nothing else is begun.

use std::net::SocketAddr;

use axum::{body::Bytes, http::Request};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    harness::Gateway,
    tls::Files,
    wire::{CREDENTIALS, PRODUCTS, Wire, sign_in},
};

struct Draining {
    shutdown: CancellationToken,
    serving: JoinHandle<anyhow::Result<()>>,
    address: SocketAddr,
}

async fn serve(gateway: Gateway) -> Draining {
    let shutdown = CancellationToken::new();
    let (address, serving) = gateway.serve_until(shutdown.clone()).await;
    Draining { shutdown, serving, address }
}

impl Draining {
    /// What a client has begun to say before the end, and goes on to say after it, is answered.
    async fn finishes<S: AsyncRead + AsyncWrite + Unpin>(self, mut idle: Wire<S>, mut busy: Wire<S>) {
        let (beginning, end) = CREDENTIALS.split_at(10);
        busy.send(sign_in() + beginning).await;
        idle.send(PRODUCTS).await;
        // Answered, so what was sent before it has arrived as well.
        assert!(idle.answer().await.starts_with("HTTP/1.1 200 OK"));
        self.shutdown.cancel();
        assert_eq!(idle.rest().await, "");
        assert!(TcpStream::connect(self.address).await.is_err());
        assert!(!self.serving.is_finished());
        busy.send(end).await;
        let answer = busy.rest().await;
        assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
        self.serving.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_request_that_has_begun_is_answered() {
    let draining = serve(Gateway::start().await).await;
    let (idle, busy) = (Wire::to(draining.address).await, Wire::to(draining.address).await);
    draining.finishes(idle, busy).await;
}

#[tokio::test]
async fn a_request_that_has_begun_is_answered_over_tls() {
    let (mut files, mut gateway) = (Files::new(), Gateway::start().await);
    files.renew();
    files.apply(&mut gateway);
    let draining = serve(gateway).await;
    let connect = async || Wire(files.connect(draining.address, &["http/1.1"]).await);
    let (idle, busy) = (connect().await, connect().await);
    draining.finishes(idle, busy).await;
}

#[tokio::test]
async fn a_client_of_http2_is_told_to_go_and_its_request_is_answered() {
    let Draining { shutdown, serving, address } = serve(Gateway::start().await).await;
    let stream = TcpStream::connect(address).await.unwrap();
    let (client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let request = Request::post("http://shop.example/v1/sessions").header("content-type", "application/json");
    let (answer, mut body) = client.send_request(request.body(()).unwrap(), false).unwrap();
    let (beginning, end) = CREDENTIALS.split_at(10);
    body.send_data(Bytes::from_static(beginning.as_bytes()), false).unwrap();
    // Answered, so what was sent before it has arrived as well.
    let products = Request::get("http://shop.example/v1/products").body(()).unwrap();
    assert_eq!(client.send_request(products, true).unwrap().0.await.unwrap().status(), 200);
    shutdown.cancel();
    while client.clone().ready().await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!serving.is_finished());
    body.send_data(Bytes::from_static(end.as_bytes()), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 201);
    serving.await.unwrap().unwrap();
    connection.await.unwrap().unwrap();
}
