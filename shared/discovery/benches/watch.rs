//! How long it takes until a change in a real Consul has reached who watches: `cargo bench --bench watch`.

#![expect(clippy::print_stdout, reason = "this is where its result goes")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has failed")]

use std::time::{Duration, Instant};

use consul::{Client, NewService};
use discovery::{Config, Instances, Registry};
use testkit::Consul;

const ROUNDS: usize = 50;

#[tokio::main]
async fn main() {
    let Some(consul) = Consul::start().await else { return };
    let url: reqwest::Url = consul.url().parse().unwrap();
    let config = consul::Config { url: url.clone(), token: None, ca_certificate: None, datacenter: None };
    let client = Client::new(&config).unwrap();
    let registry = Registry::new(&Config { consul_url: Some(url), ..Config::default() }).unwrap();
    let mut instances = registry.watch(&"consul:///web".parse().unwrap()).unwrap();

    // That the last one left would not be believed at once.
    client.agent().register_service(&web("steady")).await.unwrap();
    until(&mut instances, 1).await;
    let (mut coming, mut going) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        pause().await;
        let began = Instant::now();
        client.agent().register_service(&web("moving")).await.unwrap();
        until(&mut instances, 2).await;
        coming.push(began.elapsed());

        pause().await;
        let began = Instant::now();
        client.agent().deregister_service("moving").await.unwrap();
        until(&mut instances, 1).await;
        going.push(began.elapsed());
    }
    print("registered, and seen", &mut coming);
    print("deregistered, and gone", &mut going);
}

fn web(id: &str) -> NewService {
    let address = "10.0.0.1".to_owned();
    NewService { id: id.to_owned(), name: "web".to_owned(), address, port: 80, ..NewService::default() }
}

async fn until(instances: &mut Instances, count: usize) {
    while instances.current().is_none_or(|known| known.len() != count) {
        instances.next().await;
    }
}

/// Changes come at any time, not just when the last one has been seen.
async fn pause() {
    tokio::time::sleep(Duration::from_millis(fastrand::u64(0..200))).await;
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let [median, maximum] = [times[ROUNDS / 2], times[ROUNDS - 1]].map(|time| time.as_secs_f64() * 1000.0);
    println!("{what}: median {median:.1} ms, maximum {maximum:.1} ms, of {ROUNDS} rounds");
}
