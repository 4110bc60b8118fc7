//! How it ends: whoever is being served is served, and nothing is left behind.

use std::{
    fs::{self, File},
    os::{fd::OwnedFd, unix::fs::OpenOptionsExt},
    path::Path,
};

use rustix::{
    fs::OFlags,
    io::{FdFlags, fcntl_setfd},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

use crate::harness::{Folder, Shop, command};

/// The ids of the processes that have this folder in their command line.
fn processes(folder: &Path) -> Vec<String> {
    let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
    let uses = |pid: &String| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&name)
    };
    let entries = fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.unwrap().file_name().into_string().ok());
    pids.filter(|pid| pid.bytes().all(|b| b.is_ascii_digit())).filter(uses).collect()
}

async fn nothing_is_left_of(folder: &Path) {
    while !processes(folder).is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn both_signals_end_it_and_leave_nothing() {
    for signal in ["INT", "TERM"] {
        let folder = Folder::new();
        let shop = Shop::open(&folder.0, &[]).await;
        assert!(!processes(&folder.0).is_empty());
        shop.signal(signal);
        let (status, said) = shop.ended().await;
        assert!(status.success(), "{said}");
        assert!(processes(&folder.0).is_empty(), "{signal}");
        assert!(!folder.0.join("postgres/cluster/data/postmaster.pid").exists());
    }
}

#[tokio::test]
async fn a_request_that_is_still_coming_in_is_answered() {
    let folder = Folder::new();
    let mut shop = Shop::open(&folder.0, &[]).await;
    let mut request = begin_signing_up(&shop).await;
    shop.signal("TERM");
    shop.says("draining").await;
    request.write_all(&ACCOUNT.as_bytes()[5..]).await.unwrap();
    let mut answer = String::new();
    request.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created"), "{answer}");
    assert!(shop.ended().await.0.success());
}

#[tokio::test]
async fn a_second_signal_waits_for_nobody() {
    let folder = Folder::new();
    let mut shop = Shop::open(&folder.0, &[]).await;
    let _request = begin_signing_up(&shop).await;
    shop.signal("TERM");
    shop.says("draining").await;
    shop.signal("TERM");
    let (status, said) = shop.ended().await;
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.ends_with("stopped by a second signal\n"), "{said}");
    nothing_is_left_of(&folder.0).await;
}

/// A terminal, and what a program in it has as its standard input.
fn terminal() -> (OwnedFd, File) {
    let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    // Who inherits it would keep it open.
    fcntl_setfd(&terminal, FdFlags::CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let path = ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    // Not ours: its end must not be ours either.
    let no_control = OFlags::NOCTTY.bits().cast_signed();
    (terminal, File::options().read(true).write(true).custom_flags(no_control).open(path).unwrap())
}

#[tokio::test]
async fn a_terminal_that_is_closed_takes_the_shop_along() {
    let folder = Folder::new();
    let (terminal, input) = terminal();
    let mut command = command(&folder.0, &[]);
    command.stdin(input);
    let mut shop = Shop::open_by(command).await;
    // From within its terminal it can be restarted as from anywhere else.
    shop.signal("HUP");
    for _ in ["gateway", "orders", "payments", "users"] {
        shop.says("started again").await;
    }
    drop(terminal);
    shop.signal("HUP");
    let (_, said) = shop.ended().await;
    assert!(!said.contains("started again"), "{said}");
    nothing_is_left_of(&folder.0).await;
}

const ACCOUNT: &str = r#"{"email":"ada@example.com","display_name":"Ada","password":"correct horse"}"#;

/// All but the end of a request, which the shop has begun to read.
async fn begin_signing_up(shop: &Shop) -> TcpStream {
    let mut request = TcpStream::connect(shop.api.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /v1/users HTTP/1.1\r\nHost: shop\r\nExpect: 100-continue\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        ACCOUNT.len()
    );
    request.write_all(head.as_bytes()).await.unwrap();
    // The handler asks for the body: from here on the request is in flight.
    let mut answer = [0; 25];
    request.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n");
    request.write_all(&ACCOUNT.as_bytes()[..5]).await.unwrap();
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_being_served_when_it_ends_is_served() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    let (ada, _) = shop.customer().signed_up("ada@example.com").await;
    let mut orders = JoinSet::new();
    for _ in 0..20 {
        let ada = ada.clone();
        orders.spawn(async move {
            let order = json!({ "items": [{ "sku": "HOOK-OAK", "quantity": 1 }] });
            ada.request(reqwest::Method::POST, "/v1/orders").json(&order).send().await
        });
    }
    // The first answer says that the others are on their way.
    let first = orders.join_next().await.unwrap().unwrap().unwrap();
    assert_eq!(first.status(), 201);
    shop.signal("TERM");
    let mut placed = 1;
    while let Some(answer) = orders.join_next().await {
        // A connection that was never accepted is nobody's order.
        if let Ok(answer) = answer.unwrap() {
            assert_eq!(answer.status(), 201);
            placed += 1;
        }
    }
    assert!(shop.ended().await.0.success());

    let shop = Shop::open(&folder.0, &[]).await;
    let stock = shop.customer().get("/v1/products/HOOK-OAK").await.1["stock"].as_i64().unwrap();
    assert_eq!(stock, 1500 - placed);
}

#[tokio::test]
async fn a_killed_shop_takes_its_server_with_it_and_the_next_start_recovers() {
    let folder = Folder::new();
    let shop = Shop::open(&folder.0, &[]).await;
    shop.customer().signed_up("ada@example.com").await;
    shop.signal("KILL");
    shop.ended().await;
    nothing_is_left_of(&folder.0).await;

    let shop = Shop::open(&folder.0, &[]).await;
    shop.customer().sign_in("ada@example.com", "correct horse").await;
}
