//! Demo data, made as a user would make them: through the public API.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use users::{AddClient, Users};

/// Who can sign in.
pub struct Demo {
    pub email: &'static str,
    pub password: &'static str,
}

const DEMO: Demo = Demo { email: "demo@example.com", password: "demo demo demo" };

const ORDERS: [&[(&str, u32)]; 3] =
    [&[("TABLE-OAK", 1), ("CHAIR-OAK", 6)], &[("SHELF-PINE", 4), ("BRACKET-PINE", 8)], &[("BOX-WALNUT", 1)]];

/// A program that signs people in: one on this machine, at any port.
const CLIENT: &str = "demo";

/// Registers that program, unless it is from an earlier start.
pub async fn register_client(users: &Users) -> anyhow::Result<()> {
    if users.has_client(CLIENT).await? {
        return Ok(());
    }
    let client = AddClient {
        name: CLIENT.to_owned(),
        scope: "orders:read orders:write users:read users:write".to_owned(),
        redirect_uri: vec!["http://127.0.0.1/callback".to_owned()],
        public: true,
    };
    users.add_client(&client).await.map(drop)
}

/// An account and its orders, unless they are there from an earlier start.
pub async fn fill(gateway: SocketAddr) -> anyhow::Result<Demo> {
    let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
    let url = |path: &str| format!("http://{gateway}{path}");
    let account = json!({ "email": DEMO.email, "display_name": "Demo", "password": DEMO.password });
    let answer = client.post(url("/v1/users")).json(&account).send().await?;
    if answer.status() == StatusCode::CONFLICT {
        return Ok(DEMO);
    }
    ensure!(answer.status().is_success(), "the demo account was refused: {}", answer.text().await?);
    let credentials = json!({ "email": DEMO.email, "password": DEMO.password });
    let session: Value = client.post(url("/v1/sessions")).json(&credentials).send().await?.json().await?;
    let token = session["access_token"].as_str().context("the demo account cannot sign in")?;
    for order in ORDERS {
        let items: Vec<_> = order.iter().map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).collect();
        let order = client.post(url("/v1/orders")).bearer_auth(token).json(&json!({ "items": items }));
        order.send().await?.error_for_status().context("a demo order was refused")?;
    }
    Ok(DEMO)
}
