//! Access control: what the token allows, and that nobody gets to see it.

use consul::{Client, Config, Error, Query};
use testkit::Consul;

use crate::harness::{config, error};

const MANAGEMENT: &str = "0c9f7a3e-51b4-4d7f-8f43-6f0f5f0c1d11";
const UNKNOWN: &str = "7d1e2b9a-08c5-4be1-9e0b-2a6d4c3f9e77";

fn client(consul: &Consul, token: &str) -> Client {
    Client::new(&Config { token: Some(token.to_owned().into()), ..config(&consul.url()) }).unwrap()
}

#[tokio::test]
async fn the_right_token_may_do_everything() {
    let Some(consul) = Consul::start_with_acl(MANAGEMENT).await else { return };
    let client = client(&consul, MANAGEMENT);
    client.kv().put("a", b"1").await.unwrap();
    assert_eq!(client.kv().get("a", &Query::default()).await.unwrap().value.unwrap().value, b"1");
    assert_eq!(client.agent().info().await.unwrap().node_name, "test");
}

#[tokio::test]
async fn an_unknown_token_is_denied_and_not_shown() {
    let Some(consul) = Consul::start_with_acl(MANAGEMENT).await else { return };
    let client = client(&consul, UNKNOWN);
    for error in [error(client.kv().put("a", b"1")).await, error(client.agent().info()).await] {
        assert!(matches!(error, Error::Denied(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains(UNKNOWN));
    }
}

#[tokio::test]
async fn no_token_is_denied_in_consuls_words() {
    let Some(consul) = Consul::start_with_acl(MANAGEMENT).await else { return };
    let client = Client::new(&config(&consul.url())).unwrap();
    let Error::Denied(message) = error(client.kv().put("a", b"1")).await else { panic!() };
    assert!(message.starts_with("Permission denied"), "{message}");
}

#[test]
fn a_token_is_shown_neither_by_the_settings_nor_by_the_client() {
    let config = Config { token: Some(UNKNOWN.to_owned().into()), ..config("http://127.0.0.1:8500") };
    let client = Client::new(&config).unwrap();
    let shown = format!("{config:?} {client:?} {:?}", client.kv());
    assert!(shown.contains("8500") && !shown.contains(UNKNOWN), "{shown}");
}
