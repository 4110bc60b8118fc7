//! The bus within a process: an event is published once everybody has handled it, and nothing is kept.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{
    future::join_all,
    stream::{Stream, unfold},
};
use tokio::sync::{
    Semaphore,
    broadcast::{self, error::RecvError},
};
use tokio_util::sync::CancellationToken;

use super::PublishError;
use crate::{
    Envelope, HandlingError,
    consumers::{AT_ONCE, Consumer},
};

/// A listener that is further behind has missed something.
const MAX_UNHEARD: usize = 1024;

#[derive(Clone)]
pub(crate) struct InProcess {
    shared: Arc<Shared>,
}

struct Shared {
    /// Those without whom nothing is published.
    groups: Vec<&'static str>,
    instances: Mutex<Vec<Arc<Instance>>>,
    turn: AtomicUsize,
    heard: broadcast::Sender<Envelope>,
}

/// The consumers of one instance of a group, by the kind of their events.
struct Instance {
    group: &'static str,
    places: BTreeMap<String, Place>,
    leaving: CancellationToken,
}

struct Place {
    consumer: Arc<dyn Consumer>,
    free: Semaphore,
}

impl InProcess {
    pub fn new(groups: &[&'static str]) -> Self {
        let (heard, _) = broadcast::channel(MAX_UNHEARD);
        let (groups, instances) = (groups.to_vec(), Mutex::default());
        Self { shared: Arc::new(Shared { groups, instances, turn: AtomicUsize::new(0), heard }) }
    }

    pub async fn publish(&self, events: Vec<Envelope>) -> Vec<Result<(), PublishError>> {
        join_all(events.iter().map(|event| self.publish_one(event))).await
    }

    async fn publish_one(&self, event: &Envelope) -> Result<(), PublishError> {
        let instances = self.instances().clone();
        self.report_on(&instances).map_err(PublishError::Away)?;
        // Nobody may be listening.
        let _ = self.shared.heard.send(event.clone());
        let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for instance in instances.iter().filter(|instance| instance.places.contains_key(&event.kind)) {
            groups.entry(instance.group).or_default().push(&**instance);
        }
        // Whoever has handled it before remembers that.
        let outcomes = join_all(groups.values().map(|instances| self.hand_over(instances, event))).await;
        outcomes.into_iter().collect()
    }

    /// To one of them, in turn.
    async fn hand_over(&self, instances: &[&Instance], event: &Envelope) -> Result<(), PublishError> {
        let turn = self.shared.turn.fetch_add(1, Ordering::Relaxed);
        let instance = instances[turn % instances.len()];
        let place = &instance.places[&event.kind];
        let _permit = place.free.acquire().await.expect("nobody closes it");
        if instance.leaving.is_cancelled() {
            return Err(PublishError::Away(format!("{} is leaving", instance.group)));
        }
        place.consumer.consume(event).await.map_err(|error| match &error {
            HandlingError::Away(_) => PublishError::Away(telemetry::chain(&error)),
            HandlingError::Defect(_) => PublishError::Refused(telemetry::chain(&error)),
        })
    }

    pub fn listen(&self, package: &str) -> impl Stream<Item = Option<Envelope>> + Send + 'static {
        let prefix = format!("{package}.");
        unfold((self.shared.heard.subscribe(), prefix), |(mut heard, prefix)| async move {
            loop {
                match heard.recv().await {
                    Ok(event) if event.kind.starts_with(&prefix) => return Some((Some(event), (heard, prefix))),
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => return Some((None, (heard, prefix))),
                    Err(RecvError::Closed) => return None,
                }
            }
        })
    }

    pub fn report(&self) -> Result<String, String> {
        self.report_on(&self.instances()).map(|()| "in this process".to_owned())
    }

    fn report_on(&self, instances: &[Arc<Instance>]) -> Result<(), String> {
        let is_there = |group| instances.iter().any(|instance| instance.group == group);
        match self.shared.groups.iter().find(|group| !is_there(**group)) {
            Some(absent) => Err(format!("{absent} does not run")),
            None => Ok(()),
        }
    }

    /// All at once: a group that runs hears everything that it wants to hear.
    pub async fn consume(&self, consumers: Vec<Arc<dyn Consumer>>, shutdown: CancellationToken) {
        let Some(group) = consumers.first().map(|consumer| consumer.group()) else { return };
        let place = |consumer: Arc<dyn Consumer>| (consumer.kind().to_owned(), Place::of(consumer));
        let places = consumers.into_iter().map(place).collect();
        let instance = Arc::new(Instance { group, places, leaving: shutdown.clone() });
        self.instances().push(instance.clone());
        let entered = Entered { bus: self, instance: &instance };
        shutdown.cancelled().await;
        drop(entered);
        for place in instance.places.values() {
            // Until then those that are under way have them.
            let _all = place.free.acquire_many(AT_ONCE as u32).await;
        }
    }

    fn instances(&self) -> MutexGuard<'_, Vec<Arc<Instance>>> {
        self.shared.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn of(consumer: Arc<dyn Consumer>) -> Self {
        Self { consumer, free: Semaphore::new(AT_ONCE) }
    }
}

/// An instance that gets events, for as long as this exists.
struct Entered<'a> {
    bus: &'a InProcess,
    instance: &'a Arc<Instance>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        self.bus.instances().retain(|other| !Arc::ptr_eq(other, self.instance));
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").field("groups", &self.shared.groups).finish_non_exhaustive()
    }
}
