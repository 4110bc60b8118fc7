//! The issuer's public keys: fetched when they are needed, kept, refreshed.

mod key_set;
mod source;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey, jwk::JwkSet};
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use self::key_set::KeySet;
pub use self::source::FetchError;
pub(crate) use self::{key_set::MAX_KEY_ID, source::Source};
use crate::Error;

/// Keys older than this are fetched again, so that a withdrawn one is forgotten.
const FRESH: Duration = Duration::from_secs(300);

/// An unknown key id, which anyone can make up, asks the issuer no more often than this, all of them together.
const BETWEEN_FETCHES: Duration = Duration::from_secs(3);

/// The same while there are no keys at all: then nobody is served who could be.
const BETWEEN_FIRST_FETCHES: Duration = Duration::from_millis(250);

/// A fetch ends by then, from one instance of the issuer or another.
const PATIENCE: Duration = Duration::from_secs(5);

/// The public keys of an issuer, who signs with one algorithm.
pub(crate) struct Keys {
    algorithm: Algorithm,
    current: ArcSwap<KeySet>,
    /// None for the issuer itself, who says when its keys change.
    source: Option<Source>,
    last: Mutex<Option<Fetch>>,
}

/// A fetch that is under way, or was.
struct Fetch {
    began: Instant,
    outcome: watch::Receiver<Option<Outcome>>,
}

type Outcome = Result<(), Arc<FetchError>>;

/// A key and the set that it is in.
pub(crate) struct Found {
    pub key: Arc<DecodingKey>,
    pub generation: u64,
}

impl Keys {
    /// The issuer's own.
    pub fn known(keys: &JwkSet, algorithm: Algorithm) -> Self {
        let known = Self::new(algorithm, None);
        known.replace(keys);
        known
    }

    /// Those that are published there.
    pub fn published(source: Source, algorithm: Algorithm) -> Self {
        Self::new(algorithm, Some(source))
    }

    fn new(algorithm: Algorithm, source: Option<Source>) -> Self {
        Self { algorithm, current: ArcSwap::default(), source, last: Mutex::default() }
    }

    /// From now on these and no others.
    pub fn replace(&self, keys: &JwkSet) {
        self.current.rcu(|old| old.followed_by(keys, self.algorithm));
    }

    /// Which set of keys this is: another number says that a token may be good no more.
    pub fn generation(self: &Arc<Self>) -> u64 {
        self.current().generation
    }

    /// Errors: there is no such key, or no keys at all could be had.
    pub async fn find(self: &Arc<Self>, id: &str) -> Result<Found, Error> {
        if let Some(found) = self.current().find(id) {
            return Ok(found);
        }
        let outcome = self.refresh().await;
        match (self.current.load().find(id), outcome) {
            (Some(found), _) => Ok(found),
            (None, Ok(())) => Err(Error::Invalid),
            (None, Err(cause)) => Err(Error::KeysUnavailable(cause)),
        }
    }

    /// What is known, without waiting: an issuer that is away does not make its old keys wrong.
    fn current(self: &Arc<Self>) -> Arc<KeySet> {
        let current = self.current.load_full();
        if self.source.is_some() && current.fetched.is_some_and(|fetched| fetched.elapsed() > FRESH) {
            self.last_fetch();
        }
        current
    }

    /// Waits for the fetch that is under way, for a new one, or, where one was a moment ago, not at all.
    async fn refresh(self: &Arc<Self>) -> Outcome {
        if self.source.is_none() {
            return Ok(());
        }
        let mut outcome = self.last_fetch();
        let ended = outcome.wait_for(Option::is_some).await;
        // It ends early with the runtime only.
        ended.map_or(Err(Arc::new(FetchError::TimedOut)), |outcome| outcome.clone().unwrap_or(Ok(())))
    }

    /// In a task of its own, so that it goes on when the one who has asked first gives up.
    fn last_fetch(self: &Arc<Self>) -> watch::Receiver<Option<Outcome>> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = if self.current.load().fetched.is_some() { BETWEEN_FETCHES } else { BETWEEN_FIRST_FETCHES };
        if let Some(fetch) = last.as_ref().filter(|fetch| fetch.is_under_way() || fetch.began.elapsed() < pause) {
            return fetch.outcome.clone();
        }
        let has_failed = last.as_ref().is_some_and(Fetch::has_failed);
        let (sender, outcome) = watch::channel(None);
        let keys = self.clone();
        tokio::spawn(async move {
            let outcome = keys.fetch().await;
            if let (Err(error), false) = (&outcome, has_failed) {
                // Once, however often it fails in a row.
                tracing::warn!(?error, "the issuer's keys cannot be fetched");
            }
            sender.send_replace(Some(outcome));
        });
        *last = Some(Fetch { began: Instant::now(), outcome: outcome.clone() });
        outcome
    }

    async fn fetch(&self) -> Outcome {
        let Some(source) = &self.source else { return Ok(()) };
        let fetched = timeout(PATIENCE, source.fetch()).await.unwrap_or(Err(FetchError::TimedOut));
        self.replace(&fetched?);
        Ok(())
    }
}

impl Fetch {
    fn has_failed(&self) -> bool {
        matches!(*self.outcome.borrow(), Some(Err(_)))
    }

    fn is_under_way(&self) -> bool {
        // A sender that is gone without a word will not say it any more.
        self.outcome.borrow().is_none() && self.outcome.has_changed().is_ok()
    }
}
