//! Those who watch orders. Each is told what the database says, from the version on that it knows: whatever wakes it, and
//! however slow it reads, it gets every version once.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use events::Listener;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::{
    select,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    domain::{Order, OrderId},
    error::Error,
    store::Store,
};

/// The bus tells at once but may miss something; this finds what it missed.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// So that connections wander to where there is room, and a token that has ended is not good for ever.
const LONGEST: Duration = Duration::from_secs(600);

/// All of them in this process.
#[derive(Clone)]
pub struct Watchers {
    shared: Arc<Shared>,
}

struct Shared {
    /// The orders that are watched, each with the last version that is known; a change wakes its watchers.
    watched: Mutex<HashMap<OrderId, watch::Sender<i64>>>,
    seats: Arc<Semaphore>,
    leaving: CancellationToken,
}

impl Watchers {
    pub fn new(max: u32) -> Self {
        let (seats, leaving) = (Arc::new(Semaphore::new(max as usize)), CancellationToken::new());
        Self { shared: Arc::new(Shared { watched: Mutex::default(), seats, leaving }) }
    }

    /// Wakes them until `shutdown`, which ends them all.
    pub async fn run(self, store: Store, listener: Listener, shutdown: CancellationToken) {
        shutdown.run_until_cancelled(self.shared.listen(&store, listener)).await;
        self.shared.leaving.cancel();
    }

    /// A seat for one who watches this order. From now on nothing of it is missed.
    ///
    /// Errors: all are taken.
    pub fn sit(&self, id: OrderId) -> Result<Seat, Error> {
        let permit = self.shared.seats.clone().try_acquire_owned().map_err(|_| Error::TooManyWatchers)?;
        let mut changes = self.shared.watched().entry(id).or_insert_with(|| watch::channel(0).0).subscribe();
        // What is there already is news, too.
        changes.mark_changed();
        Ok(Seat { id, changes, until: Instant::now() + LONGEST, shared: self.shared.clone(), _permit: permit })
    }
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, HashMap<OrderId, watch::Sender<i64>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn listen(&self, store: &Store, mut listener: Listener) {
        let mut looks = interval(BETWEEN_LOOKS);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            select! {
                heard = listener.next() => match heard {
                    Some(event) => self.wake(OrderId(event.subject)),
                    None => looks.reset_immediately(),
                },
                _ = looks.tick() => self.look(store).await,
            }
        }
    }

    fn wake(&self, id: OrderId) {
        if let Some(watched) = self.watched().get(&id) {
            watched.send_modify(|_| {});
        }
    }

    /// One query for all of them, however many there are.
    async fn look(&self, store: &Store) {
        let ids: Vec<_> = self.watched().keys().map(|id| id.0).collect();
        if ids.is_empty() {
            return;
        }
        match store.versions(&ids).await {
            Ok(versions) => self.tell(&ids, &versions.into_iter().collect()),
            Err(error) => {
                tracing::warn!(error = rpc::status::chain(&error), "the orders that are watched cannot be looked at");
            }
        }
    }

    /// Wakes those whose order has changed, or is not to be seen any more.
    fn tell(&self, looked_at: &[Uuid], versions: &HashMap<OrderId, i64>) {
        let watched = self.watched();
        for id in looked_at.iter().copied().map(OrderId) {
            let Some(watched) = watched.get(&id) else { continue };
            let version = versions.get(&id).copied().unwrap_or(i64::MAX);
            watched.send_if_modified(|known| {
                let is_news = version > *known;
                *known = version.max(*known);
                is_news
            });
        }
    }
}

/// One who watches an order, for as long as this is kept.
pub struct Seat {
    id: OrderId,
    changes: watch::Receiver<i64>,
    until: Instant,
    shared: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    /// Waits until there may be something new.
    ///
    /// Errors: the time is over, or this instance leaves.
    async fn wait(&mut self) -> Result<(), Error> {
        select! {
            () = self.shared.leaving.cancelled() => Err(Error::WatchedToTheEnd),
            () = sleep_until(self.until) => Err(Error::WatchedToTheEnd),
            // The sender is kept while there is a seat.
            _ = self.changes.changed() => Ok(()),
        }
    }

    /// The versions of the order after this one, as they happen, until it is settled and there is no other.
    pub fn watch(self, store: Store, order: Order, after: i64) -> BoxStream<'static, Result<Order, Error>> {
        let watching = Watching { seat: self, store, order, after, news: VecDeque::new(), is_over: false };
        stream::unfold(watching, Watching::next).boxed()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut watched = self.shared.watched();
        // Nobody sits down meanwhile: that needs the lock.
        if watched.get(&self.id).is_some_and(|watched| watched.receiver_count() == 1) {
            watched.remove(&self.id);
        }
    }
}

struct Watching {
    seat: Seat,
    store: Store,
    order: Order,
    after: i64,
    /// What was read and is not yet told: an order has few versions.
    news: VecDeque<Order>,
    is_over: bool,
}

impl Watching {
    async fn next(mut self) -> Option<(Result<Order, Error>, Self)> {
        loop {
            if let Some(order) = self.news.pop_front() {
                self.after = order.version;
                return Some((Ok(order), self));
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.read().await {
                self.is_over = true;
                return Some((Err(error), self));
            }
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        self.seat.wait().await?;
        let Order { user_id, id, .. } = self.order;
        let history = self.store.find_history(user_id, id, self.after).await?.ok_or(Error::NoSuchOrder)?;
        self.is_over = history.is_settled;
        self.news = history.versions.into_iter().map(|version| self.order.in_version(version)).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_watches_for_ever() {
        let mut seat = Watchers::new(1).sit(OrderId::generate()).unwrap();
        let since = Instant::now();
        seat.wait().await.unwrap();
        assert!(matches!(seat.wait().await, Err(Error::WatchedToTheEnd)));
        assert_eq!(since.elapsed(), LONGEST);
    }

    #[tokio::test]
    async fn only_who_watches_the_order_is_woken_and_once_by_each_version() {
        let watchers = Watchers::new(2);
        let (id, other) = (OrderId::generate(), OrderId::generate());
        let (mut seat, mut others) = (watchers.sit(id).unwrap(), watchers.sit(other).unwrap());
        seat.wait().await.unwrap();
        others.wait().await.unwrap();
        for (version, is_news) in [(1, true), (1, false), (2, true), (2, false)] {
            watchers.shared.tell(&[id.0, OrderId::generate().0], &HashMap::from([(id, version)]));
            assert_eq!(seat.changes.has_changed().unwrap(), is_news, "{version}");
            seat.changes.mark_unchanged();
        }
        watchers.shared.wake(id);
        assert!(seat.changes.has_changed().unwrap() && !others.changes.has_changed().unwrap());
    }

    #[test]
    fn nothing_is_kept_of_an_order_that_nobody_watches_any_more() {
        let (watchers, id) = (Watchers::new(2), OrderId::generate());
        let (first, second) = (watchers.sit(id).unwrap(), watchers.sit(id).unwrap());
        assert!(matches!(watchers.sit(id), Err(Error::TooManyWatchers)));
        drop(first);
        assert_eq!(watchers.shared.watched().len(), 1);
        drop(second);
        assert!(watchers.shared.watched().is_empty());
        watchers.sit(id).unwrap();
    }
}
