//! Watching: blocking queries, one after the other, for as long as somebody wants to know.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use consul::{Consistency, Error, Indexed, InstanceFilter, Query};
use http::uri::Authority;
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::{Agent, doubt::Believed};
use crate::{Instance, instance::Known, live::Values};

/// How long a query waits for a change.
const WAIT: Duration = Duration::from_secs(60);

/// Changes that come faster than this are seen together.
const BETWEEN_QUERIES: Duration = Duration::from_millis(50);

/// A query that failed is repeated after this at first, later after twice as long each time, …
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// … up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

impl Agent {
    /// Tells of the service's passing instances for as long as this is polled.
    pub async fn watch(&self, service: &str, known: watch::Sender<Known>) {
        let (client, name) = (self.client.clone(), service.to_owned());
        let ask = move |query: Query| {
            let (client, name) = (client.clone(), name.clone());
            let filter = InstanceFilter { passing_only: true, ..InstanceFilter::default() };
            async move { client.health().service(&name, &filter, &query).await }
        };
        let mut believed = Believed::nothing();
        let mut unusable = Vec::new();
        let take = |answer: Vec<consul::Instance>, doubtful| {
            let (usable, useless) = read(&answer);
            if useless != unusable {
                tracing::warn!(service, instances = ?useless, "instances without an address or an id of their own are left out");
                unusable = useless;
            }
            let again = believed.take(usable, doubtful);
            let instances: Arc<[Instance]> = believed.entries().values().cloned().collect();
            known.send_if_modified(|known| {
                // At first, nobody is as good as no answer: they may be starting too.
                let differs = known.as_ref().map_or(!instances.is_empty(), |known| *known != instances);
                if differs {
                    *known = Some(instances);
                }
                differs
            });
            again
        };
        self.follow(&format!("watching {service}"), ask, take).await;
    }

    /// Tells of the service's settings in the key/value store for as long as this is polled.
    pub async fn watch_settings(&self, service: &str, known: watch::Sender<Values>) {
        let prefix = format!("joist/{service}/");
        let (client, under) = (self.client.clone(), prefix.clone());
        let ask = move |query: Query| {
            let (client, under) = (client.clone(), under.clone());
            async move { client.kv().list(&under, &query).await }
        };
        let mut believed = Believed::nothing();
        let take = |answer: Vec<consul::Pair>, doubtful| {
            let again = believed.take(values(&prefix, answer), doubtful);
            let now = Arc::new(believed.entries().clone());
            known.send_if_modified(|known| std::mem::replace(known, now.clone()) != now);
            again
        };
        self.follow(&format!("watching {prefix}"), ask, take).await;
    }

    pub(super) async fn follow<T, F>(
        &self,
        what: &str,
        ask: impl Fn(Query) -> F,
        mut take: impl FnMut(T, bool) -> Option<Duration>,
    ) where
        F: Future<Output = Result<Indexed<T>, Error>>,
    {
        let mut query = Query { wait: WAIT, consistency: Consistency::Stale, ..Query::default() };
        let (mut pause, mut failed) = (FIRST_PAUSE, false);
        loop {
            let next = Instant::now() + BETWEEN_QUERIES;
            match ask(query).await {
                Ok(answer) => {
                    self.succeeded(what);
                    let was_reset = answer.index < query.index;
                    query = query.after(&answer);
                    query.wait = take(answer.value, was_reset || failed).unwrap_or(WAIT).min(WAIT);
                    (pause, failed) = (FIRST_PAUSE, false);
                    sleep_until(next).await;
                }
                Err(error) => {
                    self.failed(what, &error);
                    // Whoever answers next need not be the one who counted so far.
                    (query.index, failed) = (0, true);
                    // Not all at once, when the agent is back.
                    sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }
}

/// Those that can be called, by id; and the ids of those that cannot.
fn read(answer: &[consul::Instance]) -> (BTreeMap<String, Instance>, Vec<String>) {
    let mut usable = BTreeMap::new();
    let mut useless = Vec::new();
    for found in answer {
        let id = &found.service.id;
        match (instance(found), usable.entry(id.clone())) {
            (Some(instance), Entry::Vacant(place)) => {
                place.insert(instance);
            }
            _ => useless.push(id.clone()),
        }
    }
    (usable, useless)
}

fn instance(found: &consul::Instance) -> Option<Instance> {
    let meta = |name: &str| found.service.meta.get(name);
    let http = meta("http_port").and_then(|port| authority(found.address(), port.parse().ok()?));
    Some(Instance {
        id: found.service.id.clone(),
        authority: authority(found.address(), found.service.port)?,
        http,
        started_at: meta("started_at").cloned().unwrap_or_default(),
    })
}

fn authority(host: &str, port: u16) -> Option<Authority> {
    // A user may be part of an authority, but not of a host.
    if host.is_empty() || host.contains('@') || port == 0 {
        return None;
    }
    let ip: Result<IpAddr, _> = host.parse();
    let text = ip.map_or_else(|_| format!("{host}:{port}"), |ip| SocketAddr::new(ip, port).to_string());
    text.parse().ok()
}

/// By what follows the prefix, without the line ends that files often have.
fn values(prefix: &str, answer: Vec<consul::Pair>) -> BTreeMap<String, Vec<u8>> {
    let value = |pair: consul::Pair| {
        let name = pair.key.strip_prefix(prefix)?.to_owned();
        Some((name, pair.value.trim_ascii().to_owned()))
    };
    answer.into_iter().filter_map(value).collect()
}
