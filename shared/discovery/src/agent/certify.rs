//! Certificates by Consul's authority: the agent renews them in good time, and tells when it has.

use std::sync::{Mutex, PoisonError};

use consul::{Leaf, Query, Roots};
use tokio::{join, sync::watch};

use super::Agent;
use crate::Certificates;

/// The answers to two questions, which make sense together only.
#[derive(Default)]
struct Parts {
    leaf: Option<Leaf>,
    roots: Option<Roots>,
}

impl Parts {
    fn together(&self) -> Option<Certificates> {
        let (leaf, roots) = (self.leaf.as_ref()?, self.roots.as_ref()?);
        let authorities: Vec<_> = roots.roots.iter().map(|root| root.certificate.trim_end()).collect();
        Some(Certificates {
            certificate: leaf.certificate.clone(),
            private_key: leaf.private_key.clone(),
            authorities: authorities.join("\n"),
        })
    }
}

impl Agent {
    /// Tells of the service's certificates for as long as this is polled. An agent that is away changes nothing: those
    /// that are known are good until they end.
    pub async fn certify(&self, service: &str, known: watch::Sender<Option<Certificates>>) {
        let parts = Mutex::new(Parts::default());
        let learn = |change: &dyn Fn(&mut Parts)| {
            let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut parts);
            known.send_if_modified(|known| {
                let Some(now) = parts.together() else { return false };
                let differs = !known.as_ref().is_some_and(|known| known.is(&now));
                *known = Some(now);
                differs
            });
            None
        };
        let ask_roots = |query: Query| async move { self.client.connect().agent_roots(&query).await };
        let ask_leaf = |query: Query| async move { self.client.connect().leaf(service, &query).await };
        let what = format!("watching the certificate of {service}");
        join!(
            self.follow("watching the authorities", ask_roots, |roots: Roots, _| learn(&|parts| {
                parts.roots = Some(roots.clone());
            })),
            self.follow(&what, ask_leaf, |leaf: Leaf, _| learn(&|parts| parts.leaf = Some(leaf.clone()))),
        );
    }
}
