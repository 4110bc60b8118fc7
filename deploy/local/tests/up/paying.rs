//! What becomes of an order that was placed, as whoever watches it sees it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{Customer, Folder, Shop};

fn order() -> Value {
    json!({ "items": [{ "sku": "HOOK-OAK", "quantity": 1 }] })
}

async fn place(customer: &Customer) -> Value {
    let (status, order) = customer.post("/v1/orders", order()).await;
    assert_eq!((status.as_u16(), &order["status"]), (201, &json!("pending")), "{order}");
    order
}

fn path(order: &Value) -> String {
    format!("/v1/orders/{}", order["id"].as_str().unwrap())
}

/// Versions and states of an order, from the first one after `version` until it is settled.
async fn watch(customer: &Customer, order: &Value, version: Option<u32>) -> Vec<(u32, String)> {
    let mut request = customer.request(reqwest::Method::GET, &(path(order) + "/events"));
    if let Some(version) = version {
        request = request.header("last-event-id", version);
    }
    let answer = request.send().await.unwrap();
    match answer.status().as_u16() {
        200 => answer.text().await.unwrap().split("\n\n").filter_map(state).collect(),
        204 => Vec::new(),
        other => panic!("{other}: {}", answer.text().await.unwrap()),
    }
}

/// One event of the stream, unless it is none of an order.
fn state(event: &str) -> Option<(u32, String)> {
    let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim_start);
    if field("event:") != Some("order") {
        return None;
    }
    let order: Value = serde_json::from_str(field("data:").unwrap()).unwrap();
    Some((field("id:").unwrap().parse().unwrap(), order["status"].as_str().unwrap().to_owned()))
}

fn states(expected: &[(u32, &str)]) -> Vec<(u32, String)> {
    expected.iter().map(|(version, status)| (*version, (*status).to_owned())).collect()
}

#[tokio::test]
async fn an_order_is_confirmed_within_a_second_and_who_watches_it_sees_so() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, _) = shop.customer().signed_up("ada@example.com").await;
    // The first one finds nothing prepared: no statement, no connection.
    watch(&ada, &place(&ada).await, None).await;
    let begun = Instant::now();
    let order = place(&ada).await;
    let seen = watch(&ada, &order, None).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(seen, states(&[(1, "pending"), (2, "confirmed")]));
    assert_eq!(ada.get(&path(&order)).await.1["status"], "confirmed");

    // Who comes back hears what he has missed, and then that there is no more.
    assert_eq!(watch(&ada, &order, Some(1)).await, states(&[(2, "confirmed")]));
    assert_eq!(watch(&ada, &order, Some(2)).await, []);
}

#[tokio::test]
async fn a_confirmed_order_that_is_cancelled_is_seen_in_all_its_states() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, _) = shop.customer().signed_up("ada@example.com").await;
    let order = place(&ada).await;
    watch(&ada, &order, None).await;
    let (status, cancelled) = ada.post(&(path(&order) + "/cancel"), Value::Null).await;
    assert_eq!((status.as_u16(), &cancelled["status"]), (200, &json!("cancelled")));
    assert_eq!(watch(&ada, &order, None).await, states(&[(1, "pending"), (2, "confirmed"), (3, "cancelled")]));
    assert_eq!(watch(&ada, &order, Some(2)).await, states(&[(3, "cancelled")]));
    assert_eq!(ada.get("/v1/products/HOOK-OAK").await.1["stock"], 1500);
}

#[tokio::test]
async fn an_order_of_more_than_the_provider_charges_is_rejected_and_its_pieces_are_back() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, _) = shop.customer().signed_up("ada@example.com").await;
    // The default of PROVIDER_MAX_AMOUNT is 10,000.
    let (status, order) = ada.post("/v1/orders", json!({ "items": [{ "sku": "JOIST-OAK", "quantity": 100 }] })).await;
    assert_eq!((status.as_u16(), &order["total"]["amount"]), (201, &json!(1_025_000)), "{order}");
    assert_eq!(watch(&ada, &order, None).await, states(&[(1, "pending"), (2, "rejected")]));
    assert_eq!(ada.get("/v1/products/JOIST-OAK").await.1["stock"], 250);
}

#[tokio::test]
async fn a_shop_that_was_killed_after_an_order_was_placed_confirms_it_at_its_next_start() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, _) = shop.customer().signed_up("ada@example.com").await;
    let mut placed = JoinSet::new();
    for _ in 0..20 {
        let ada = ada.clone();
        placed.spawn(async move { place(&ada).await });
    }
    let orders = placed.join_all().await;
    shop.signal("KILL");
    shop.ended().await;

    let shop = Shop::open(&folder.0, &[]).await;
    let mut ada = shop.customer();
    ada.sign_in("ada@example.com", "correct horse").await;
    for order in &orders {
        assert_eq!(watch(&ada, order, None).await, states(&[(1, "pending"), (2, "confirmed")]));
    }
    assert_eq!(ada.get("/v1/products/HOOK-OAK").await.1["stock"], 1480);
}

#[tokio::test]
async fn every_order_is_confirmed_though_each_instance_is_restarted_meanwhile() {
    let folder = Folder::new();
    let quiet = ["--replicas", "2", "--log-filter", "warn,joist=info,lifecycle=info"];
    let mut shop = Shop::open(&folder.0, &quiet).await;
    let (ada, user) = shop.customer().signed_up("ada@example.com").await;
    let gateways: Vec<_> = shop.gateways().into_iter().map(|gateway| ada.at(gateway)).collect();
    shop.signal("HUP");
    let mut placed = BTreeSet::new();
    for service in ["gateway", "orders", "payments", "users"] {
        for number in [1, 2] {
            shop.says(&format!("\"{service}-{number}\"")).await;
            for gateway in &gateways {
                placed.extend(place_if_open(gateway).await);
            }
            shop.says("started again").await;
        }
    }
    assert!(placed.len() >= 8, "{placed:?}");
    let mine = format!("/v1/users/{}/orders?page_size=100", user["id"].as_str().unwrap());
    let begun = Instant::now();
    loop {
        let (_, orders) = ada.get(&mine).await;
        let confirmed = orders["orders"].as_array().unwrap().iter().filter(|order| order["status"] == "confirmed");
        let confirmed: BTreeSet<_> = confirmed.map(|order| order["id"].as_str().unwrap().to_owned()).collect();
        if confirmed.is_superset(&placed) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{orders}");
    }
    shop.signal("TERM");
    let (status, said) = shop.ended().await;
    assert!(status.success(), "{said}");
}

/// The order's id; none where this gateway is closed at the moment, as one of two may be.
async fn place_if_open(customer: &Customer) -> Option<String> {
    let answer = customer.request(reqwest::Method::POST, "/v1/orders").json(&order()).send().await.ok()?;
    assert_eq!(answer.status(), 201);
    Some(answer.json::<Value>().await.unwrap()["id"].as_str().unwrap().to_owned())
}
