//! Which instance gets a call, and which get none for a while.

use std::{
    collections::HashMap,
    fmt::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use arc_swap::ArcSwap;
use discovery::{Instance, Instances, Peer};
use identity::mesh::Connector;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    Policy,
    connection::Connection,
    endpoint::{Endpoint, State},
    instruments::Instruments,
    policy::Tuning,
};
use crate::status;

/// The instances of one peer.
pub(crate) struct Balancer {
    pub peer: String,
    pub connector: Connector,
    pub tuning: watch::Receiver<Tuning>,
    pub instruments: Instruments,
    roster: Mutex<Roster>,
    view: ArcSwap<View>,
    changed: Notify,
    next: AtomicUsize,
}

/// All instances that are known, and what ends the care for each.
#[derive(Default)]
struct Roster {
    /// The registry has told of some.
    known: bool,
    members: Vec<(Arc<Endpoint>, CancellationToken)>,
}

impl Roster {
    fn count(&self, state: &str) -> usize {
        self.members.iter().filter(|(member, _)| member.state().name() == state).count()
    }
}

/// What a call looks at.
struct View {
    ready: Vec<Ready>,
    /// Whether it makes sense to wait where nobody is ready.
    hope: bool,
}

/// An instance that can be called now.
#[derive(Clone)]
pub(crate) struct Ready {
    pub endpoint: Arc<Endpoint>,
    pub connection: Arc<Connection>,
}

impl Balancer {
    pub fn new(peer: &Peer, connector: Connector, tuning: watch::Receiver<Tuning>) -> Self {
        Self {
            peer: peer.to_string(),
            connector,
            tuning,
            instruments: Instruments::of(peer.name()),
            roster: Mutex::default(),
            view: ArcSwap::from_pointee(View { ready: Vec::new(), hope: true }),
            changed: Notify::new(),
            next: AtomicUsize::new(0),
        }
    }

    /// Keeps to what the registry says for as long as this is polled.
    pub async fn follow(self: Arc<Self>, mut instances: Instances, tasks: CancellationToken) {
        loop {
            if let Some(instances) = instances.next().await {
                self.replace(&instances, &tasks);
            }
        }
    }

    /// Who stays keeps connection and record; a new life of an instance begins anew. Calls in flight to one that goes are
    /// finished on its connection.
    fn replace(self: &Arc<Self>, instances: &[Instance], tasks: &CancellationToken) {
        let mut roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        let mut old: HashMap<_, _> =
            roster.members.drain(..).map(|member| (member.0.instance.clone(), member)).collect();
        for instance in instances {
            let member = old.remove(instance).unwrap_or_else(|| self.admit(instance, tasks));
            roster.members.push(member);
        }
        old.into_values().for_each(|(_, care)| care.cancel());
        roster.known = true;
        drop(roster);
        self.refresh();
    }

    fn admit(self: &Arc<Self>, instance: &Instance, tasks: &CancellationToken) -> (Arc<Endpoint>, CancellationToken) {
        let (endpoint, care) = (Arc::new(Endpoint::new(instance.clone())), tasks.child_token());
        let (kept, balancer) = (endpoint.clone(), self.clone());
        tokio::spawn(care.clone().run_until_cancelled_owned(async move { kept.keep(&balancer).await }));
        (endpoint, care)
    }

    /// Something has changed: lets the calls see it.
    pub fn refresh(&self) {
        let roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        let mut view = View { ready: Vec::new(), hope: !roster.known };
        for (endpoint, _) in &roster.members {
            match endpoint.state() {
                State::Up(connection) => view.ready.push(Ready { endpoint: endpoint.clone(), connection }),
                State::Connecting => view.hope = true,
                State::Down | State::Ejected => {}
            }
        }
        // Within the lock, so that an older view never replaces a newer one.
        self.view.store(Arc::new(view));
        self.changed.notify_waiters();
    }

    /// An instance for the next call, rather not `avoid`. Waits for one while there is hope.
    pub async fn pick(&self, avoid: Option<&Arc<Endpoint>>) -> Result<Ready, Status> {
        loop {
            let changed = self.changed.notified();
            let view = self.view.load();
            if let Some(ready) = self.choose(&view.ready, avoid) {
                return Ok(ready.clone());
            }
            if !view.hope {
                return Err(status::unavailable("the service cannot be reached"));
            }
            drop(view);
            changed.await;
        }
    }

    fn choose<'a>(&self, ready: &'a [Ready], avoid: Option<&Arc<Endpoint>>) -> Option<&'a Ready> {
        let policy = self.tuning.borrow().policy;
        let chosen = match ready {
            [] => return None,
            [only] => return Some(only),
            several if policy == Policy::RoundRobin => self.next.fetch_add(1, Relaxed) % several.len(),
            several => self.cheaper_of_two(several, policy),
        };
        match avoid {
            Some(avoid) if Arc::ptr_eq(avoid, &ready[chosen].endpoint) => ready.get((chosen + 1) % ready.len()),
            _ => ready.get(chosen),
        }
    }

    fn cheaper_of_two(&self, ready: &[Ready], policy: Policy) -> usize {
        let one = fastrand::usize(..ready.len());
        // Another one, each with the same chance.
        let other = (one + fastrand::usize(1..ready.len())) % ready.len();
        let cost = |index: usize| {
            let load = &ready[index].endpoint.load;
            if policy == Policy::Pending { f64::from(load.pending()) } else { load.cost() }
        };
        if cost(other) < cost(one) { other } else { one }
    }

    /// Ejects an instance that failed too often, unless it is the last one or more than half of all would be ejected.
    pub fn failed(&self, Ready { endpoint, connection }: &Ready) {
        if !endpoint.failed() {
            return;
        }
        let roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        let others = roster.members.iter().filter(|(member, _)| !Arc::ptr_eq(member, endpoint));
        let others: Vec<_> = others.map(|(member, _)| member.state()).collect();
        let ejected = others.iter().filter(|state| matches!(state, State::Ejected)).count();
        // Those that are down do not count as ejected: they would protect one that fails.
        if (ejected + 1) * 2 > roster.members.len() || !others.iter().any(|state| matches!(state, State::Up(_))) {
            return;
        }
        let is_ejected = endpoint.leave(connection, State::Ejected);
        drop(roster);
        // Calls that were in flight with the one that was once too often have nothing to add.
        if is_ejected {
            tracing::warn!(peer = self.peer, instance = endpoint.instance.id, "an instance is ejected");
            self.instruments.ejected();
            self.refresh();
        }
    }

    /// Connects anew to an instance that takes no more calls on this connection.
    pub fn renew(&self, Ready { endpoint, connection }: &Ready) {
        if endpoint.leave(connection, State::Connecting) {
            self.refresh();
        }
    }

    /// How many instances are in the state of this name.
    pub fn count(&self, state: &str) -> usize {
        self.roster.lock().unwrap_or_else(PoisonError::into_inner).count(state)
    }

    /// For `/readyz?verbose`: a line for all, and one for each.
    pub fn report(&self) -> String {
        let roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        if !roster.known {
            return "no instance is known yet".to_owned();
        }
        let (all, up, ejected) = (roster.members.len(), roster.count("up"), roster.count("ejected"));
        let mut report = format!("{all} instances, {up} up, {ejected} ejected");
        for (endpoint, _) in &roster.members {
            // Writing to a String cannot fail.
            let _ = write!(report, "\n  {}", endpoint.report());
        }
        report
    }
}
