//! A Consul ends with its test, however the test ends.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use testkit::Consul;
use tokio::net::TcpStream;

async fn is_there(url: &str) -> bool {
    TcpStream::connect(url.trim_start_matches("http://")).await.is_ok()
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
async fn a_consul_ends_when_its_test_is_killed() {
    if Consul::start().await.is_none() {
        return;
    }
    let mut parent = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "holds_a_consul"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(Result::unwrap);
    let url = lines.find_map(|line| line.split_once("URL ").map(|(_, url)| url.to_owned())).unwrap();
    assert!(is_there(&url).await);
    parent.kill().unwrap();
    parent.wait().unwrap();

    let deadline = Instant::now() + Duration::from_secs(20);
    while is_there(&url).await {
        assert!(Instant::now() < deadline, "consul is still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
#[ignore = "run by another test in a process of its own, to be killed"]
#[expect(clippy::print_stdout, reason = "this is how it tells the other test")]
async fn holds_a_consul() {
    let consul = Consul::start().await.unwrap();
    println!("URL {}", consul.url());
    std::future::pending::<()>().await;
}
