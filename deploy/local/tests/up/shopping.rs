//! What one can do in an open shop, from signing up to leaving.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::{Folder, Shop};

#[tokio::test]
async fn a_customer_signs_up_browses_orders_cancels_and_leaves() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, user) = shop.customer().signed_up("ada@example.com").await;
    let id = user["id"].as_str().unwrap();

    let (_, products) = ada.get("/v1/products?page_size=3").await;
    assert_eq!(products["products"].as_array().unwrap().len(), 3);
    let (_, next) =
        ada.get(&format!("/v1/products?page_token={}", products["next_page_token"].as_str().unwrap())).await;
    assert_ne!(next["products"][0], products["products"][0]);

    let (status, order) = ada.post("/v1/orders", json!({ "items": [{ "sku": "TABLE-OAK", "quantity": 2 }] })).await;
    assert_eq!(status, 201);
    assert_eq!(
        (&order["status"], &order["total"]),
        (&json!("pending"), &json!({ "amount": 80500, "currency": "EUR" }))
    );
    assert_eq!(ada.get("/v1/products/TABLE-OAK").await.1["stock"], 18);

    let order_path = format!("/v1/orders/{}", order["id"].as_str().unwrap());
    let confirmed = ada.settled(&order).await;
    assert_eq!((&confirmed["status"], &confirmed["lines"]), (&json!("confirmed"), &order["lines"]));
    let (_, orders) = ada.get(&format!("/v1/users/{id}/orders")).await;
    assert_eq!(orders["orders"][0]["id"], order["id"]);

    let (status, cancelled) = ada.post(&format!("{order_path}/cancel"), Value::Null).await;
    assert_eq!((status.as_u16(), &cancelled["status"]), (200, &json!("cancelled")));
    assert_eq!(ada.get("/v1/products/TABLE-OAK").await.1["stock"], 20);

    let (status, _) = ada.send(Method::DELETE, &format!("/v1/users/{id}"), None).await;
    assert_eq!(status, 204);
    // Orders hears of it, which takes no time that anybody would notice.
    let refused = async {
        loop {
            let (status, _) = ada.post("/v1/orders", json!({ "items": [{ "sku": "TABLE-OAK", "quantity": 1 }] })).await;
            if status != 201 {
                return status;
            }
        }
    };
    assert_eq!(timeout(Duration::from_secs(5), refused).await.unwrap(), 401);
}

#[tokio::test]
async fn an_account_is_changed_by_whoever_has_seen_it() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, user) = shop.customer().signed_up("ada@example.com").await;
    let path = format!("/v1/users/{}", user["id"].as_str().unwrap());
    let change = |etag: &'static str| {
        let patch = json!({ "display_name": "Countess" });
        ada.request(Method::PATCH, &path).header("if-match", etag).json(&patch).send()
    };
    assert_eq!(change("\"1\"").await.unwrap().status(), 200);
    assert_eq!(change("\"1\"").await.unwrap().status(), 412);
    assert_eq!(ada.send(Method::PATCH, &path, Some(json!({}))).await.0, 428);
    assert_eq!(ada.get(&path).await.1["display_name"], "Countess");
}

#[tokio::test]
async fn the_commands_of_the_welcome_do_what_they_say_when_pasted() {
    let signed_up = pasted("off").await;
    assert_eq!(signed_up[0]["email"], "ada@example.com");
    assert_eq!(statuses(&signed_up[1..]), ["pending", "confirmed"]);
    assert_eq!(statuses(&pasted("on").await), ["pending", "confirmed"]);
}

fn statuses(orders: &[Value]) -> Vec<&str> {
    orders.iter().map(|order| order["status"].as_str().unwrap()).collect()
}

/// What the commands answer, where there is a demo account or none.
async fn pasted(demo: &str) -> Vec<Value> {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &["--demo", demo]).await;
    let begin = shop.welcome.iter().position(|line| line.trim().starts_with("API=")).unwrap();
    let script = shop.welcome[begin..shop.welcome.len() - 1].join("\n");
    let output = tokio::process::Command::new("sh").args(["-euc", &script]).output().await.unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    // Among them are the other fields of the events that one watches.
    let answers = answers.lines().map(|line| line.strip_prefix("data:").unwrap_or(line).trim_start());
    answers.filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn the_smoke_test_of_deployments_passes_and_fails_where_nobody_is() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../smoke.sh");
    let smoke = async |base: &str| {
        // The client is there from the start.
        let output = tokio::process::Command::new("bash").args([script, base, "demo"]).output().await.unwrap();
        let seen = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code(), seen)
    };
    let (code, seen) = smoke(&shop.api).await;
    assert_eq!(code, Some(0), "{seen}");
    assert!(seen.contains("smoke: passed"), "{seen}");
    let (code, seen) = smoke("http://127.0.0.1:1").await;
    assert_eq!(code, Some(1), "{seen}");
    assert!(seen.contains("smoke: FAILED"), "{seen}");
}

#[tokio::test]
async fn the_demo_account_has_orders_once_however_often_one_starts() {
    let folder = Folder::new();
    for _ in 0..2 {
        let shop = Shop::open(&folder.0, &["--demo", "on"]).await;
        let mut demo = shop.customer();
        demo.sign_in("demo@example.com", "demo demo demo").await;
        assert!(shop.welcome.iter().any(|line| line.contains("demo@example.com")));
        assert_eq!(demo.get("/v1/products/TABLE-OAK").await.1["stock"], 19);
        shop.signal("TERM");
        shop.ended().await;
    }
}
