//! Instances behind a name: each address that the name has is one.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use http::uri::Authority;
use tokio::{net::lookup_host, sync::watch, time::sleep};

use crate::{Instance, instance::Known};

/// Names change slowly, and resolvers cache; a headless Kubernetes service has a TTL of 5 s too.
const BETWEEN_LOOKUPS: Duration = Duration::from_secs(5);

/// A name that is not there yet is looked up sooner.
const BETWEEN_FIRST_LOOKUPS: Duration = Duration::from_millis(250);

/// Looks up the name for as long as this is polled. A look-up that fails leaves the last known addresses; one warning
/// says so, however often it fails in a row.
pub(crate) async fn look_up(authority: Authority, known: watch::Sender<Known>) {
    let (mut last, mut failed) = (BTreeSet::new(), false);
    loop {
        match addresses(&authority).await {
            Ok(addresses) => {
                failed = false;
                if addresses != last {
                    known.send_replace(Some(addresses.iter().filter_map(instance).collect()));
                    last = addresses;
                }
            }
            Err(error) if !failed => {
                failed = true;
                tracing::warn!(name = %authority, %error, "the name cannot be looked up");
            }
            Err(_) => {}
        }
        sleep(if last.is_empty() { BETWEEN_FIRST_LOOKUPS } else { BETWEEN_LOOKUPS }).await;
    }
}

async fn addresses(authority: &Authority) -> std::io::Result<BTreeSet<SocketAddr>> {
    Ok(lookup_host(authority.as_str()).await?.collect())
}

fn instance(address: &SocketAddr) -> Option<Instance> {
    Some(Instance::at(address.to_string().parse().ok()?))
}
