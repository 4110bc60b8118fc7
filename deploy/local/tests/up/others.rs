//! What belongs to somebody else: on every route that there is, it looks like nothing and stays as it is.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Customer, Folder, Shop};

/// A route whose path has an id in it.
struct Route {
    method: Method,
    path: String,
}

impl Route {
    /// Of whatever the id stands for on this route.
    fn of(&self, account: &str, order: &str) -> String {
        let id = if self.path.starts_with("/v1/orders/") { order } else { account };
        self.path.replace("{id}", id)
    }

    /// Sends what would do something, were it one's own.
    async fn send(&self, customer: &Customer, path: &str) -> (StatusCode, Value) {
        let mut request = customer.request(self.method.clone(), path);
        if self.method == Method::PATCH {
            request = request.header("if-match", "*").json(&json!({ "display_name": "Mine" }));
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap_or_default())
    }
}

/// By the description of the API, so that none is forgotten.
async fn routes_with_an_id(anybody: &Customer) -> Vec<Route> {
    let (_, api) = anybody.get("/openapi.json").await;
    let mut routes = Vec::new();
    for (path, methods) in api["paths"].as_object().unwrap().iter().filter(|(path, _)| path.contains("{id}")) {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["security"].is_array(), "{method} {path} is open to everyone");
            routes.push(Route { method: method.to_uppercase().parse().unwrap(), path: path.clone() });
        }
    }
    routes
}

#[tokio::test]
async fn another_persons_ids_are_nothing_on_every_route_and_change_nothing() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, account) = shop.customer().signed_up("ada@example.com").await;
    let (eve, _) = shop.customer().signed_up("eve@example.com").await;
    let (status, order) = ada.post("/v1/orders", json!({ "items": [{ "sku": "BOX-OAK", "quantity": 1 }] })).await;
    assert_eq!(status, 201);
    let order = ada.settled(&order).await;
    let (account_id, order_id) = (account["id"].as_str().unwrap(), order["id"].as_str().unwrap());
    let nobodys = Uuid::now_v7().to_string();
    let routes = routes_with_an_id(&shop.customer()).await;
    assert!(routes.len() >= 6, "there were as many when this was written");

    for route in &routes {
        let path = route.of(account_id, order_id);
        let (status, others) = route.send(&eve, &path).await;
        assert_eq!(status, 404, "{} {path}: {others}", route.method);
        let (_, missing) = route.send(&eve, &route.of(&nobodys, &nobodys)).await;
        assert_eq!(others["detail"], missing["detail"], "{} {path}", route.method);
        assert_eq!(route.send(&shop.customer(), &path).await.0, 401, "{} {path}", route.method);
    }

    assert_eq!(ada.get(&format!("/v1/users/{account_id}")).await.1, account);
    assert_eq!(ada.get(&format!("/v1/orders/{order_id}")).await.1, order);
    assert_eq!(ada.get("/v1/products/BOX-OAK").await.1["stock"], 149);
}

#[tokio::test]
async fn whoever_has_deleted_the_account_is_nobody_for_accounts_and_for_ordering() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, account) = shop.customer().signed_up("ada@example.com").await;
    let (_, others) = shop.customer().signed_up("eve@example.com").await;
    let path = |account: &Value| format!("/v1/users/{}", account["id"].as_str().unwrap());
    assert_eq!(ada.send(Method::DELETE, &path(&account), None).await.0, 204);
    for path in [path(&account), path(&others)] {
        assert_eq!(ada.get(&path).await.0, 401);
        assert_eq!(ada.send(Method::DELETE, &path, None).await.0, 401);
    }
    let order = json!({ "items": [{ "sku": "BOX-OAK", "quantity": 1 }] });
    assert_eq!(ada.post("/v1/orders", order).await.0, 401);
}
