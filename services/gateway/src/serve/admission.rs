//! How many connections there are, in all and from each address.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use opentelemetry::{KeyValue, global, metrics::Counter};

use super::EdgeConfig;
use crate::client_address::{Network, TrustedProxies};

pub struct Admission {
    in_all: u32,
    per_address: u32,
    /// Everybody comes through them.
    exempt: TrustedProxies,
    open: Mutex<Open>,
    refused: Counter<u64>,
}

#[derive(Default)]
struct Open {
    in_all: u32,
    /// Of those that have any.
    by_network: HashMap<Network, u32>,
}

/// A connection's place, which is free again when it is dropped.
pub struct Seat {
    admission: Arc<Admission>,
    network: Option<Network>,
}

impl Admission {
    pub fn new(config: &EdgeConfig) -> Self {
        Self {
            in_all: config.max_connections,
            per_address: config.max_connections_per_address,
            exempt: TrustedProxies::new(&config.trusted_proxies),
            open: Mutex::default(),
            refused: global::meter("gateway")
                .u64_counter("gateway.connections.refused")
                .with_unit("{connection}")
                .build(),
        }
    }

    /// None, if there are too many.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Seat> {
        let network = Some(Network::of(peer)).filter(|_| !self.exempt.include(peer));
        let mut open = self.open();
        let from_there = network.and_then(|network| open.by_network.get(&network).copied()).unwrap_or(0);
        let limits = [("all", open.in_all, self.in_all), ("address", from_there, self.per_address)];
        if let Some((limit, ..)) = limits.into_iter().find(|(_, open, limit)| open >= limit) {
            self.refused.add(1, &[KeyValue::new("limit", limit)]);
            return None;
        }
        open.in_all += 1;
        if let Some(network) = network {
            open.by_network.insert(network, from_there + 1);
        }
        drop(open);
        Some(Seat { admission: self.clone(), network })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.admission.open();
        open.in_all -= 1;
        let Some(network) = self.network else { return };
        match open.by_network.get_mut(&network) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.by_network.remove(&network)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(in_all: u32, per_address: u32) -> Arc<Admission> {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let config = EdgeConfig {
            max_connections: in_all,
            max_connections_per_address: per_address,
            trusted_proxies,
            ..EdgeConfig::default()
        };
        Arc::new(Admission::new(&config))
    }

    fn seat(admission: &Arc<Admission>, peer: &str) -> Option<Seat> {
        admission.admit(peer.parse().unwrap())
    }

    #[test]
    fn one_address_cannot_take_the_room_of_others() {
        let admission = admission(9, 2);
        let seats = [seat(&admission, "192.0.2.1"), seat(&admission, "192.0.2.1"), seat(&admission, "192.0.2.2")];
        assert!(seats.iter().all(Option::is_some));
        assert!(seat(&admission, "192.0.2.1").is_none() && seat(&admission, "::ffff:192.0.2.1").is_none());
        drop(seats);
        assert!(seat(&admission, "192.0.2.1").is_some());
        assert!(admission.open().by_network.is_empty());
    }

    #[test]
    fn a_trusted_proxy_speaks_for_many() {
        let admission = admission(3, 1);
        let seats: Vec<_> = (0..4).map(|_| seat(&admission, "10.0.0.1")).collect();
        assert_eq!(seats.iter().flatten().count(), 3);
        assert!(seat(&admission, "192.0.2.1").is_none());
    }
}
