//! How many connections there are, in all and from each address.

use std::{net::IpAddr, sync::Arc};

use opentelemetry::{KeyValue, global, metrics::Counter};

use super::EdgeConfig;
use crate::{
    client_address::{Network, TrustedProxies},
    seats::{Full, Seat, Seats},
};

pub struct Admission {
    seats: Arc<Seats<Network>>,
    /// Everybody comes through them.
    exempt: TrustedProxies,
    refused: Counter<u64>,
}

impl Admission {
    pub fn new(config: &EdgeConfig) -> Self {
        Self {
            seats: Seats::new(config.max_connections, config.max_connections_per_address),
            exempt: TrustedProxies::new(&config.trusted_proxies),
            refused: global::meter("gateway")
                .u64_counter("gateway.connections.refused")
                .with_unit("{connection}")
                .build(),
        }
    }

    /// None, if there are too many.
    pub fn admit(&self, peer: IpAddr) -> Option<Seat<Network>> {
        let network = Some(Network::of(peer)).filter(|_| !self.exempt.include(peer));
        let seat = self.seats.take(network);
        if let Err(full) = &seat {
            let limit = match full {
                Full::InAll => "all",
                Full::ForOne => "address",
            };
            self.refused.add(1, &[KeyValue::new("limit", limit)]);
        }
        seat.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(in_all: u32, per_address: u32) -> Admission {
        let trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let config = EdgeConfig {
            max_connections: in_all,
            max_connections_per_address: per_address,
            trusted_proxies,
            ..EdgeConfig::default()
        };
        Admission::new(&config)
    }

    fn seat(admission: &Admission, peer: &str) -> Option<Seat<Network>> {
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
    }

    #[test]
    fn a_trusted_proxy_speaks_for_many() {
        let admission = admission(3, 1);
        let seats: Vec<_> = (0..4).map(|_| seat(&admission, "10.0.0.1")).collect();
        assert_eq!(seats.iter().flatten().count(), 3);
        assert!(seat(&admission, "192.0.2.1").is_none());
    }
}
