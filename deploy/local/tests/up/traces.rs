//! `--traces`: what a request was made of, for whoever looks.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Folder, Shop};

#[tokio::test]
async fn with_traces_an_order_is_printed_as_a_tree() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &["--traces"]).await;
    let (ada, _) = shop.customer().signed_up("ada@example.com").await;
    let id = "4bf92f3577b34da6a3ce929d0e0e4736";
    let order = ada.request(Method::POST, "/v1/orders").header("traceparent", format!("00-{id}-00f067aa0ba902b7-01"));
    let order = order.json(&json!({ "items": [{ "sku": "BOX-OAK", "quantity": 1 }] })).send().await.unwrap();
    assert_eq!(order.status(), 201);
    ada.settled(&order.json().await.unwrap()).await;
    shop.signal("TERM");
    let (_, said) = shop.ended().await;
    let of_order = format!("trace {id}");
    let tree: Vec<_> = said.lines().skip_while(|line| !line.starts_with(&of_order)).collect();
    let branches = [
        " POST /v1/orders ",
        " └─ → orders.v1.OrdersService/PlaceOrder ",
        "    └─ orders.v1.OrdersService/PlaceOrder ",
        "       ├─ → users.v1.UsersService/ConfirmAccount ",
        "       │  └─ users.v1.UsersService/ConfirmAccount ",
        "       │     └─ SELECT users ",
    ];
    for (line, branch) in tree.iter().skip(1).zip(branches) {
        assert!(line.starts_with(branch), "{branch:?} in\n{}", tree.join("\n"));
    }
    // What follows from it is of the same trace, though printed later: whenever nothing of it was under way.
    let trees: String = said.split("trace ").filter(|tree| tree.starts_with(id)).collect();
    for span in ["COMMIT", "send orders.v1.OrderPlaced", "process orders.v1.OrderPlaced", "charge"] {
        assert!(trees.contains(&format!(" {span} ")), "{span} in\n{said}");
    }
}

#[tokio::test]
async fn without_traces_none_is_printed_but_the_log_has_their_ids() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &["--log-filter", "info"]).await;
    assert_eq!(shop.customer().get("/v1/products").await.0, 200);
    shop.signal("TERM");
    let (_, said) = shop.ended().await;
    assert!(!said.lines().any(|line| line.starts_with("trace ")), "{said}");
    let ids = |message: &str| {
        let lines = said.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let ids = lines
            .filter(|line| line["message"] == message)
            .filter_map(|line| Some(line["trace_id"].as_str()?.to_owned()));
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids("request").len(), 1, "{said}");
    assert_eq!(ids("request"), ids("call"), "{said}");
}
