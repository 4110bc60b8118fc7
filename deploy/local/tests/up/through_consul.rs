//! A shop whose services find each other through Consul.

use serde_json::{Value, json};
use testkit::Consul;
use tokio::task::yield_now;

use crate::harness::{Folder, Shop, client, refused};

const SERVICES: [&str; 3] = ["gateway", "users", "orders"];

async fn ask(consul: &Consul, path: &str) -> Value {
    client().get(format!("{}{path}", consul.url())).send().await.unwrap().json().await.unwrap()
}

/// Waits until Consul lists so many instances of each service as passing.
async fn all_pass(consul: &Consul, instances: usize) {
    for service in SERVICES {
        let path = format!("/v1/health/service/{service}?passing=true");
        while ask(consul, &path).await.as_array().unwrap().len() != instances {
            yield_now().await;
        }
    }
}

/// Somebody can sign up and order.
async fn is_open(shop: &Shop) {
    let (ada, _) = shop.customer().signed_up("ada@example.com").await;
    let (status, order) = ada.post("/v1/orders", json!({ "items": [{ "sku": "BOX-OAK", "quantity": 1 }] })).await;
    assert_eq!(status, 201, "{order}");
}

#[tokio::test]
async fn every_instance_is_registered_for_as_long_as_it_serves() {
    let Some(consul) = Consul::start().await else { return };
    let folder = Folder::new();
    let mut shop = Shop::open(&folder.0, &["--consul", &consul.url(), "--replicas", "2"]).await;
    all_pass(&consul, 2).await;
    is_open(&shop).await;
    assert!(shop.report().await.contains(&format!("registry: {}, answered", consul.url())));
    shop.signal("TERM");
    let (status, said) = shop.ended().await;
    assert!(status.success(), "{said}");
    assert_eq!(ask(&consul, "/v1/agent/services").await, json!({}));
}

/// What does not work, as the log has told.
fn troubles(log: &str) -> Vec<(String, String)> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let lines = lines.filter_map(|line| Some((line["message"].as_str()?.to_owned(), line["error"].to_string())));
    lines.filter(|(message, _)| message.contains("does not work")).collect()
}

#[tokio::test]
async fn a_consul_that_is_away_stops_nobody_and_is_mentioned_once() {
    let Some(mut consul) = Consul::start().await else { return };
    consul.stop();
    let folder = Folder::new();
    let mut shop = Shop::open(&folder.0, &["--consul", &consul.url()]).await;
    // Nobody finds anybody: a request waits for a service to appear, as long as its deadline lets it.
    assert_eq!(shop.customer().get("/v1/products").await.0, 504);
    assert!(shop.report().await.contains("has never answered"));

    consul.start_again().await;
    all_pass(&consul, 1).await;
    while shop.customer().get("/v1/products").await.0 != 200 {}
    is_open(&shop).await;
    shop.signal("TERM");
    let log = shop.welcome.join("\n");
    let (status, said) = shop.ended().await;
    assert!(status.success(), "{said}");

    let troubles = troubles(&(log + "\n" + &said));
    let reaching = troubles.iter().filter(|(message, _)| message.contains("reaching consul"));
    assert_eq!(reaching.count(), 1, "{troubles:?}");
}

#[tokio::test]
async fn a_consul_that_goes_away_takes_nobody_along() {
    let Some(mut consul) = Consul::start().await else { return };
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &["--consul", &consul.url()]).await;
    all_pass(&consul, 1).await;
    consul.stop();
    is_open(&shop).await;
    shop.signal("TERM");
    let (status, said) = shop.ended().await;
    assert!(status.success(), "{said}");
}

#[tokio::test]
async fn a_url_that_cannot_be_consuls_is_one_clear_line() {
    // The second one has the scheme `localhost`.
    for url in ["nonsense", "localhost:8500"] {
        let folder = Folder::new();
        let (code, complaint) = refused(&folder.0, &["--consul", url]).await;
        assert_eq!((code, complaint.lines().count()), (Some(2), 1), "{complaint}");
        assert!(complaint.contains("consul") && complaint.contains("URL"), "{complaint}");
        assert!(!folder.0.exists(), "something was begun before the registry was known");
    }
}
