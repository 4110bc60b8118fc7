//! Several instances of each service: all of them work, and can be restarted under the eyes of their customers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Instant,
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    task::{JoinSet, yield_now},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::harness::{Customer, Folder, Shop, refused};

/// Little enough that nobody has to read it for the shop to go on.
const QUIET: [&str; 4] = ["--replicas", "2", "--log-filter", "warn,joist=info,lifecycle=info"];

const INSTANCES: usize = 8;

/// The lines about the instances of one peer, as one service sees them.
fn instances<'a>(report: &'a str, who: &str) -> Vec<&'a str> {
    let heading = format!("{who}: 2 instances, 2 up, 0 ejected");
    let after = report.lines().skip_while(|line| *line != heading).skip(1);
    after.take_while(|line| line.starts_with("  ")).collect()
}

/// How many calls an instance has had.
fn calls(instance: &str) -> u64 {
    let (before, _) = instance.split_once(" calls").unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn every_instance_is_known_to_all_and_is_called() {
    let folder = Folder::new();
    let mut shop = Shop::open(&folder.0, &QUIET).await;
    let gateways = shop.gateways();
    assert_eq!(gateways.len(), 2, "{:?}", shop.welcome);
    let (ada, user) = shop.customer().signed_up("ada@example.com").await;
    let account = format!("/v1/users/{}", user["id"].as_str().unwrap());
    let (mut report, both) = (String::new(), ["users", "orders"]);
    let everybody_is_busy = |report: &str| {
        ["gateway-1", "gateway-2"].iter().all(|gateway| {
            both.iter().all(|peer| {
                let instances = instances(report, &format!("{gateway} -> {peer}"));
                instances.len() == 2 && instances.iter().all(|instance| calls(instance) > 0)
            })
        })
    };
    let start = Instant::now();
    while !everybody_is_busy(&report) {
        assert!(start.elapsed().as_secs() < 30, "{report}");
        for gateway in &gateways {
            let ada = ada.at(gateway.clone());
            let requests = (0..10).map(|number| ada.get(if number % 2 == 0 { &account } else { "/v1/products" }));
            for (status, _) in futures::future::join_all(requests).await {
                assert_eq!(status, 200);
            }
        }
        report = shop.report().await;
    }
    for orders in ["orders-1", "orders-2"] {
        assert_eq!(instances(&report, &format!("{orders} -> users")).len(), 2, "{report}");
        assert!(report.contains(&format!("\n{orders} database: ok\n")), "{report}");
    }
}

/// Somebody who does not care which gateway answers.
struct Visitor {
    at: Vec<Customer>,
    next: usize,
}

impl Visitor {
    /// As a load balancer does it: where a connection is refused or closed, the other one is asked. While it was on its
    /// way there, that one's turn may have come: so it goes round twice.
    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> Result<StatusCode, String> {
        let key = Uuid::now_v7().to_string();
        let mut failures = Vec::new();
        for _ in 0..2 * self.at.len() {
            self.next = (self.next + 1) % self.at.len();
            let request = self.at[self.next].request(method.clone(), path).header("idempotency-key", &key);
            let request = body.iter().fold(request, |request, body| request.json(body));
            match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(answer.status()),
                Ok(answer) => return Err(format!("{method} {path}: {} {:?}", answer.status(), answer.text().await)),
                Err(error) => failures.push(format!("{error:?}")),
            }
        }
        Err(format!("{method} {path}: {failures:?}"))
    }

    /// Reads and orders, one after the other, until it closes or something fails; returns how many orders were placed.
    async fn shop(
        mut self,
        account: String,
        done: Arc<AtomicUsize>,
        closing: CancellationToken,
    ) -> Result<i64, String> {
        let order = json!({ "items": [{ "sku": "HOOK-OAK", "quantity": 1 }] });
        let mut placed = 0;
        while !closing.is_cancelled() {
            self.ask(Method::GET, "/v1/products", None).await?;
            self.ask(Method::GET, &account, None).await?;
            self.ask(Method::POST, "/v1/orders", Some(order.clone())).await?;
            placed += 1;
            done.fetch_add(1, SeqCst);
        }
        Ok(placed)
    }
}

#[tokio::test]
async fn a_restart_of_every_instance_fails_no_request() {
    let folder = Folder::new();
    let mut shop = Shop::open(&folder.0, &QUIET).await;
    let (ada, user) = shop.customer().signed_up("ada@example.com").await;
    let account = format!("/v1/users/{}", user["id"].as_str().unwrap());
    let at: Vec<_> = shop.gateways().into_iter().map(|gateway| ada.at(gateway)).collect();
    let (done, closing) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
    let mut visitors = JoinSet::new();
    for next in 0..4 {
        let visitor = Visitor { at: at.clone(), next };
        visitors.spawn(visitor.shop(account.clone(), done.clone(), closing.clone()));
    }
    let more = async |rounds| {
        let enough = done.load(SeqCst) + rounds;
        while done.load(SeqCst) < enough {
            yield_now().await;
        }
    };
    more(8).await;
    shop.signal("HUP");
    for _ in 0..INSTANCES {
        shop.says("started again").await;
    }
    more(8).await;
    closing.cancel();
    let placed: i64 = visitors.join_all().await.into_iter().map(Result::unwrap).sum();
    // Every order once: neither lost nor, asked for again at the other gateway, placed twice.
    assert_eq!(ada.get("/v1/products/HOOK-OAK").await.1["stock"], 1500 - placed);
    shop.signal("TERM");
    let (status, said) = shop.ended().await;
    assert!(status.success(), "{said}");
}

#[tokio::test]
async fn a_shop_that_is_told_to_end_does_not_restart_the_others_first() {
    let folder = Folder::new();
    let mut shop = Shop::open(&folder.0, &QUIET).await;
    shop.signal("HUP");
    shop.says("stopping").await;
    shop.signal("TERM");
    let (status, said) = shop.ended().await;
    assert!(status.success(), "{said}");
    assert!(said.matches("started again").count() < INSTANCES, "{said}");
}

#[tokio::test]
async fn a_number_that_cannot_be_is_refused() {
    for number in ["0", "9", "two", "-1"] {
        let folder = Folder::new();
        let (code, complaint) = refused(&folder.0, &[&format!("--replicas={number}")]).await;
        assert_eq!((code, complaint.lines().count()), (Some(2), 1), "{complaint}");
        assert!(complaint.contains("--replicas <N>"), "{complaint}");
        assert!(!folder.0.exists());
    }
}

#[tokio::test]
async fn a_taken_port_is_one_clear_line_however_many_there_are() {
    let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let folder = Folder::new();
    let (code, complaint) = refused(&folder.0, &["--replicas", "2", "--orders-port", &port]).await;
    assert_eq!((code, complaint.lines().count()), (Some(2), 1), "{complaint}");
    assert!(complaint.starts_with(&format!("--orders-port: cannot listen on 127.0.0.1:{port}")), "{complaint}");
    assert!(!folder.0.exists(), "something was begun before the ports were known");
}
