//! What the tests share: registries and clients of a Consul, and waiting for a state.

use std::{sync::Arc, time::Duration};

use discovery::{Config, Instance, Instances, Peer, Registry};
use testkit::Consul;
use tokio::time::{Instant, timeout};

/// For a state to come about on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The settings of a process that uses this agent, which looks at it as often as possible.
pub fn config(url: &str) -> Config {
    Config { consul_url: Some(url.parse().unwrap()), consul_check_interval_s: 1, ..Config::default() }
}

pub fn registry(url: &str) -> Registry {
    Registry::new(&config(url)).unwrap()
}

/// A Consul of the test's own, and a registry of it; `None` where Consul is not installed.
pub async fn start() -> Option<(Consul, Registry)> {
    let consul = Consul::start().await?;
    let registry = registry(&consul.url());
    Some((consul, registry))
}

/// Consul itself, to look behind the registry's back.
pub fn client(url: &str) -> consul::Client {
    let config = consul::Config { url: url.parse().unwrap(), token: None, ca_certificate: None, datacenter: None };
    consul::Client::new(&config).unwrap()
}

pub fn service(name: &str) -> Peer {
    Peer::Service(name.to_owned())
}

/// Asks until the answer is yes.
pub async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ask().await {
        assert!(Instant::now() < deadline, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until the instances that are known are those with these ids, in any order.
pub async fn seen(instances: &mut Instances, ids: &[&str]) -> Arc<[Instance]> {
    let mut expected = ids.to_vec();
    expected.sort_unstable();
    let arrive = async {
        loop {
            match instances.next().await {
                Some(known) if known_ids(instances) == expected => return known,
                _ => {}
            }
        }
    };
    let arrived = timeout(PATIENCE, arrive).await;
    arrived.unwrap_or_else(|_| panic!("expected {expected:?}, known are {:?}", known_ids(instances)))
}

/// The ids of those that are known now, sorted.
pub fn known_ids(instances: &Instances) -> Vec<String> {
    let mut ids: Vec<_> = instances.current().iter().flat_map(|known| known.iter()).map(|it| it.id.clone()).collect();
    ids.sort_unstable();
    ids
}
