//! Calls over a real connection, to servers that answer, that are not there, and that hang.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use discovery::{Peer, Registry};
use rpc::{Channel, Client, ClientConfig, Server, ServerConfig, deadline};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse, health_client::HealthClient};

async fn listener() -> (TcpListener, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    (listener, peer)
}

fn connect(peer: &Peer) -> Channel {
    let client = Client::new(&ClientConfig::default(), Registry::in_process(), &[]).unwrap();
    client.channel(peer).unwrap()
}

async fn serve(listener: TcpListener, shutdown: CancellationToken) -> anyhow::Result<()> {
    Server::new(&ServerConfig::default(), tonic_health::pb::FILE_DESCRIPTOR_SET).serve(listener, shutdown).await
}

async fn check(peer: &Peer) -> Result<HealthCheckResponse, Status> {
    let request = HealthCheckRequest { service: String::new() };
    Ok(HealthClient::new(connect(peer)).check(request).await?.into_inner())
}

#[tokio::test]
async fn a_server_says_that_it_serves() {
    let (listener, peer) = listener().await;
    tokio::spawn(serve(listener, CancellationToken::new()));
    assert_eq!(check(&peer).await.unwrap().status().as_str_name(), "SERVING");
}

#[tokio::test]
async fn who_is_not_there_is_unavailable() {
    let (listener, peer) = listener().await;
    drop(listener);
    let status = check(&peer).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(rpc::status::retry_after(&status), Some(Duration::from_secs(1)));
    assert!(!status.message().contains("127.0.0.1"), "{status}");
}

#[tokio::test]
async fn who_accepts_and_never_answers_has_until_the_deadline() {
    let (_listener, peer) = listener().await;
    let call = deadline::within(Duration::from_secs(60), async {
        deadline::within(Duration::from_millis(100), check(&peer)).await
    });
    if let Ok(Ok(answer)) = call.await {
        assert_eq!(answer.unwrap_err().code(), Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn a_client_connects_again_to_a_server_that_came_back() {
    let (first, peer) = listener().await;
    let address = first.local_addr().unwrap();
    let mut client = HealthClient::new(connect(&peer));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve(first, stop.clone()));
    let request = HealthCheckRequest { service: String::new() };
    client.check(request.clone()).await.unwrap();
    stop.cancel();
    serving.await.unwrap().unwrap();

    let second = TcpListener::bind(address).await.unwrap();
    tokio::spawn(serve(second, CancellationToken::new()));
    // The first call may still find the old connection closing.
    let again = async {
        while client.check(request.clone()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    deadline::within(Duration::from_secs(10), again).await.unwrap();
}
