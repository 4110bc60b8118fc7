//! The HTTP side of a service, for those who call it without gRPC.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use http::uri::Authority;

use crate::Instances;

/// Where a service's instances speak HTTP, one after the other.
#[derive(Clone, Debug)]
pub struct HttpInstances {
    instances: Instances,
    next: Arc<AtomicUsize>,
}

impl HttpInstances {
    /// Of these instances, those that speak HTTP.
    pub fn of(instances: Instances) -> Self {
        Self { instances, next: Arc::default() }
    }

    /// All of them once, another one first each time; none while nobody is known.
    pub fn in_turn(&self) -> Vec<Authority> {
        let known = self.instances.current();
        let mut addresses: Vec<_> =
            known.iter().flat_map(|known| known.iter()).filter_map(|it| it.http.clone()).collect();
        if !addresses.is_empty() {
            let first = self.next.fetch_add(1, Relaxed) % addresses.len();
            addresses.rotate_left(first);
        }
        addresses
    }

    /// The same, but waits for the first one. Whoever asks sets the limit.
    pub async fn wait(&self) -> Vec<Authority> {
        let mut instances = self.instances.clone();
        loop {
            let addresses = self.in_turn();
            if !addresses.is_empty() {
                return addresses;
            }
            instances.next().await;
        }
    }
}
