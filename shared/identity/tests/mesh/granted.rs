//! Certificates by a real Consul's authority, which is replaced and goes away.

use std::{net::SocketAddr, time::Duration};

use discovery::{Config, Registry};
use identity::{Mesh, MeshConfig, mesh::PeerTls};
use rcgen::KeyPair;
use rustls::pki_types::CertificateDer;
use serde_json::json;
use testkit::Consul;
use tokio::time::{sleep, timeout};

use super::{
    outsider::shown_by,
    pair::{call, serve},
};

fn open(consul: &Consul, service: &str) -> Mesh {
    let config = Config { consul_url: Some(consul.url().parse().unwrap()), ..Config::default() };
    let registry = Registry::new(&config).unwrap();
    let config = MeshConfig { peer_tls: PeerTls::Consul, ..MeshConfig::default() };
    Mesh::open(&config, service, &registry).unwrap()
}

/// Gives the authority another key, and so another root.
async fn replace_root(consul: &Consul) {
    let config =
        json!({ "Provider": "consul", "Config": { "PrivateKey": KeyPair::generate().unwrap().serialize_pem() } });
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let request = client.put(format!("{}/v1/connect/ca/configuration", consul.url())).json(&config);
    request.send().await.unwrap().error_for_status().unwrap();
}

/// Not by `Mesh::report`: an agent may renew within the second in which it has granted.
async fn changes(address: SocketAddr, before: &CertificateDer<'_>) {
    let seen = async {
        while shown_by(address).await == *before {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(60), seen).await.expect("the certificate is never renewed");
}

#[tokio::test]
async fn services_of_one_consul_know_each_other() {
    let Some(mut consul) = Consul::start().await else { return };
    let (users, gateway, stranger) = (open(&consul, "users"), open(&consul, "gateway"), open(&consul, "stranger"));
    users.ready().await;
    assert!(users.report().unwrap().contains("/svc/users, good until "), "{:?}", users.report());
    let address = serve(&users).await;
    assert_eq!(call(&gateway, address).await.unwrap(), "hello gateway");
    call(&stranger, address).await.unwrap_err();

    consul.stop();
    assert_eq!(call(&gateway, address).await.unwrap(), "hello gateway");
    assert!(gateway.report().is_ok());
}

#[tokio::test]
async fn no_connection_fails_while_the_root_is_replaced() {
    let Some(consul) = Consul::start().await else { return };
    let (users, gateway) = (open(&consul, "users"), open(&consul, "gateway"));
    users.ready().await;
    gateway.ready().await;
    let (address, gateway_address) = (serve(&users).await, serve(&gateway).await);
    let before = [shown_by(address).await, shown_by(gateway_address).await];
    let (caller, (stop, mut stopped)) = (gateway.clone(), tokio::sync::oneshot::channel::<()>());
    let calls = tokio::spawn(async move {
        let mut calls = 0;
        while stopped.try_recv().is_err() {
            assert_eq!(call(&caller, address).await.unwrap(), "hello gateway");
            calls += 1;
        }
        calls
    });
    replace_root(&consul).await;
    changes(address, &before[0]).await;
    changes(gateway_address, &before[1]).await;
    stop.send(()).unwrap();
    assert!(calls.await.unwrap() > 0);
    assert_eq!(call(&gateway, address).await.unwrap(), "hello gateway");
}

#[tokio::test]
async fn without_a_consul_there_is_nobody_to_ask() {
    let config = MeshConfig { peer_tls: PeerTls::Consul, ..MeshConfig::default() };
    let error = Mesh::open(&config, "users", &Registry::in_process()).err().unwrap();
    assert_eq!(error.to_string(), "certificates by Consul need a CONSUL_URL");
}
