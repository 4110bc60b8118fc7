//! What lies between the command and an open shop.

use serde_json::json;
use tokio::net::TcpListener;

use crate::harness::{Folder, Shop, refused};

#[tokio::test]
async fn a_second_start_continues_with_what_is_there() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, user) = shop.customer().signed_up("ada@example.com").await;
    let (_, order) = ada.post("/v1/orders", json!({ "items": [{ "sku": "BOX-OAK", "quantity": 1 }] })).await;
    let order = ada.settled(&order).await;
    shop.signal("TERM");
    assert!(shop.ended().await.0.success());

    let shop = Shop::open(&folder.0, &[]).await;
    let mut ada = shop.customer();
    ada.sign_in("ada@example.com", "correct horse").await;
    assert_eq!(ada.get(&format!("/v1/orders/{}", order["id"].as_str().unwrap())).await.1, order);
    assert_eq!(ada.get(&format!("/v1/users/{}", user["id"].as_str().unwrap())).await.1, user);
}

#[tokio::test]
async fn a_fresh_start_forgets() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    shop.customer().signed_up("ada@example.com").await;
    shop.signal("TERM");
    shop.ended().await;
    let shop = Shop::open(&folder.0, &["--fresh"]).await;
    shop.customer().signed_up("ada@example.com").await;
}

#[tokio::test]
async fn a_taken_port_is_one_clear_line() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    for option in ["--port", "--ops-port", "--users-port", "--users-http-port", "--orders-port"] {
        let folder = Folder::new();
        let (code, complaint) = refused(&folder.0, &[option, &port]).await;
        assert_eq!((code, complaint.lines().count()), (Some(2), 1), "{complaint}");
        assert!(complaint.starts_with(&format!("{option}: cannot listen on 127.0.0.1:{port}")), "{complaint}");
        assert!(!folder.0.exists(), "something was begun before the ports were known");
    }
}

#[tokio::test]
async fn two_cannot_use_the_same_data() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    for arguments in [&[][..], &["--fresh"]] {
        let (code, complaint) = refused(&folder.0, arguments).await;
        assert_eq!((code, complaint.lines().count()), (Some(2), 1), "{complaint}");
        assert!(complaint.contains("is used by another `cargo up`"), "{complaint}");
    }
    assert_eq!(shop.customer().get("/v1/products").await.0, 200);
}

#[tokio::test]
async fn every_wrong_option_is_named_at_once() {
    let folder = Folder::new();
    let (code, complaint) = refused(&folder.0, &["--host", "nowhere", "--log-format", "xml"]).await;
    assert_eq!((code, complaint.lines().count()), (Some(2), 2), "{complaint}");
}

#[tokio::test]
async fn a_database_server_that_is_there_can_be_used() {
    let database = testkit::private_database(&sqlx::migrate::Migrator::DEFAULT).await.database_url;
    let url = format!(
        "postgres://{}@{}:{}/{}",
        database.get_username(),
        database.get_host(),
        database.get_port(),
        database.get_database().unwrap()
    );
    let folder = Folder::new();
    let password = testkit::server_password().unwrap_or_default();
    let shop = Shop::open(&folder.0, &["--database-url", &url, "--database-password", &password]).await;
    shop.customer().signed_up("ada@example.com").await;
    assert!(!folder.0.join("postgres").exists());
}
