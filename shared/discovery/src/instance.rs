//! The instances of a service, as they are known at the moment.

use std::{future::pending, sync::Arc};

use http::uri::Authority;
use tokio::sync::watch;

/// One running copy of a service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Instance {
    /// Its name among the others.
    pub id: String,
    /// Where it is called.
    pub authority: Authority,
    /// Where it speaks HTTP to others, if it does.
    pub http: Option<Authority>,
    /// Tells one life of it from the next.
    pub started_at: String,
}

impl Instance {
    /// All that is known of an address by itself.
    pub fn at(authority: Authority) -> Self {
        Self { id: authority.to_string(), http: Some(authority.clone()), authority, started_at: String::new() }
    }
}

/// The instances of one service. They change while one looks.
#[derive(Clone, Debug)]
pub struct Instances(watch::Receiver<Known>);

/// `None` until the registry has told of an instance for the first time.
pub(crate) type Known = Option<Arc<[Instance]>>;

impl Instances {
    pub(crate) fn new(mut known: watch::Receiver<Known>) -> Self {
        // What is there already is news to whoever asks first.
        known.mark_changed();
        Self(known)
    }

    /// These, for ever.
    pub fn fixed(instances: impl IntoIterator<Item = Instance>) -> Self {
        Self::new(watch::Sender::new(Some(instances.into_iter().collect())).subscribe())
    }

    /// Those that are known now; `None` while nobody can know.
    pub fn current(&self) -> Known {
        self.0.borrow().clone()
    }

    /// Waits until they are others than when this was last asked; at first, whatever they are.
    pub async fn next(&mut self) -> Known {
        // Without a registry behind them they stay as they are.
        if self.0.changed().await.is_err() {
            pending::<()>().await;
        }
        self.0.borrow_and_update().clone()
    }
}
