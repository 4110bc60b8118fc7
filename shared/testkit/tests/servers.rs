//! A server ends with its test, however the test ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use testkit::{Consul, Nats};
use tokio::net::TcpStream;

async fn is_there(url: &str) -> bool {
    let (_, address) = url.split_once("://").unwrap();
    TcpStream::connect(address).await.is_ok()
}

#[tokio::test]
async fn a_consul_ends_when_it_is_dropped() {
    let Some(consul) = Consul::start().await else { return };
    let url = consul.url();
    assert!(is_there(&url).await);
    drop(consul);
    assert!(!is_there(&url).await);
}

#[tokio::test]
async fn a_nats_ends_when_it_is_dropped() {
    let Some(nats) = Nats::start().await else { return };
    let url = nats.url();
    assert!(is_there(&url).await);
    drop(nats);
    assert!(!is_there(&url).await);
}

#[tokio::test]
async fn a_nats_comes_back_where_it_was() {
    let Some(mut nats) = Nats::start().await else { return };
    let url = nats.url();
    nats.stop();
    assert!(!is_there(&url).await);
    nats.start_again().await;
    assert_eq!(nats.url(), url);
    assert!(is_there(&url).await);
    nats.start_empty().await;
    assert!(is_there(&url).await);
}

#[tokio::test]
async fn the_servers_end_when_their_test_is_killed() {
    if Consul::start().await.is_none() || Nats::start().await.is_none() {
        return;
    }
    let mut parent = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "holds_servers"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(Result::unwrap);
    let urls = lines.filter_map(|line| line.split_once("URL ").map(|(_, url)| url.to_owned())).take(2);
    let urls: Vec<String> = urls.collect();
    for url in &urls {
        assert!(is_there(url).await, "{url}");
    }
    parent.kill().unwrap();
    parent.wait().unwrap();

    let deadline = Instant::now() + Duration::from_secs(20);
    for url in &urls {
        while is_there(url).await {
            assert!(Instant::now() < deadline, "{url} is still there");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[tokio::test]
#[ignore = "run by another test in a process of its own, to be killed"]
#[expect(clippy::print_stdout, reason = "this is how it tells the other test")]
async fn holds_servers() {
    let (consul, nats) = (Consul::start().await.unwrap(), Nats::start().await.unwrap());
    println!("URL {}\nURL {}", consul.url(), nats.url());
    std::future::pending::<()>().await;
}
