//! Places that are taken and given back: there are so many in all, and so many for each.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The places of one kind; `K` is whose one is.
pub struct Seats<K: Eq + Hash> {
    in_all: u32,
    for_each: u32,
    taken: Mutex<Taken<K>>,
}

struct Taken<K> {
    in_all: u32,
    /// Of those who have any.
    by_owner: HashMap<K, u32>,
}

/// A place, which is free again when it is dropped.
pub struct Seat<K: Eq + Hash> {
    seats: Arc<Seats<K>>,
    owner: Option<K>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// All are taken.
    InAll,
    /// This one has taken enough.
    ForOne,
}

impl<K: Eq + Hash + Clone> Seats<K> {
    pub fn new(in_all: u32, for_each: u32) -> Arc<Self> {
        let taken = Taken { in_all: 0, by_owner: HashMap::new() };
        Arc::new(Self { in_all, for_each, taken: Mutex::new(taken) })
    }

    /// Nobody's place counts among all of them only.
    pub fn take(self: &Arc<Self>, owner: Option<K>) -> Result<Seat<K>, Full> {
        let mut taken = self.taken();
        let his = owner.as_ref().and_then(|owner| taken.by_owner.get(owner).copied()).unwrap_or(0);
        if taken.in_all >= self.in_all {
            return Err(Full::InAll);
        }
        if his >= self.for_each {
            return Err(Full::ForOne);
        }
        taken.in_all += 1;
        if let Some(owner) = owner.clone() {
            taken.by_owner.insert(owner, his + 1);
        }
        drop(taken);
        Ok(Seat { seats: self.clone(), owner })
    }
}

impl<K: Eq + Hash> Seats<K> {
    fn taken(&self) -> MutexGuard<'_, Taken<K>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.in_all -= 1;
        let Some(owner) = &self.owner else { return };
        match taken.by_owner.get_mut(owner) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.by_owner.remove(owner)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_enough_leaves_the_others_their_place() {
        let seats = Seats::new(3, 2);
        let taken = [seats.take(Some("ada")), seats.take(Some("ada")), seats.take(Some("bob"))];
        assert!(taken.iter().all(Result::is_ok));
        assert_eq!(seats.take(Some("cleo")).err(), Some(Full::InAll));
        let [first, second, third] = taken;
        drop(third);
        assert_eq!(seats.take(Some("ada")).err(), Some(Full::ForOne));
        assert!(seats.take(Some("bob")).is_ok());
        drop((first, second));
        assert!(seats.take(Some("ada")).is_ok());
    }

    #[test]
    fn nobody_is_remembered_who_has_none() {
        let seats = Seats::new(2, 1);
        let taken = (seats.take(Some("ada")), seats.take(None));
        assert_eq!(seats.taken().in_all, 2);
        drop(taken);
        assert_eq!(seats.taken().in_all, 0);
        assert!(seats.taken().by_owner.is_empty());
    }
}
