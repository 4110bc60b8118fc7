//! What is measured of the way to one peer.

use std::sync::{Arc, Weak};

use opentelemetry::{KeyValue, global, metrics::Counter};

use super::{balancer::Balancer, endpoint::STATES};
use crate::calls::Calls;

/// Of one channel.
pub(crate) struct Instruments {
    pub calls: Calls,
    retries: Counter<u64>,
    ejections: Counter<u64>,
    peer: KeyValue,
}

impl Instruments {
    /// `peer` is its name without the way to find it: `users`, `10.0.0.7`.
    pub fn of(peer: &str) -> Self {
        let peer = KeyValue::new("server.address", Arc::<str>::from(peer));
        let meter = global::meter("rpc");
        let retries = meter.u64_counter("rpc.client.retries").build();
        let ejections = meter.u64_counter("rpc.client.ejections").build();
        let instruments = Self { calls: Calls::made(peer.clone()), retries, ejections, peer };
        // So that they are there before the first one.
        instruments.retries.add(0, instruments.labels());
        instruments.ejections.add(0, instruments.labels());
        instruments
    }

    pub fn retried(&self) {
        self.retries.add(1, self.labels());
    }

    pub fn ejected(&self) {
        self.ejections.add(1, self.labels());
    }

    /// Tells how many instances are in which state, for as long as the channel is there.
    pub fn observe(&self, balancer: Weak<Balancer>) {
        let peer = self.peer.clone();
        global::meter("rpc")
            .i64_observable_up_down_counter("rpc.client.instances")
            .with_callback(move |instances| {
                let Some(balancer) = balancer.upgrade() else { return };
                for state in STATES {
                    let labels = [peer.clone(), KeyValue::new("state", state)];
                    instances.observe(balancer.count(state).cast_signed() as i64, &labels);
                }
            })
            .build();
    }

    fn labels(&self) -> &[KeyValue] {
        std::slice::from_ref(&self.peer)
    }
}
