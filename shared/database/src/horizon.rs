//! From where on a table that is a queue is looked through.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// What a look within the horizon cannot find waits no longer than this.
const LOOK_AT_ALL_EVERY: Duration = Duration::from_secs(1);

/// Spares whoever takes the oldest rows of a queue again and again from passing all that were taken before.
///
/// An index keeps the entry of a row that is done with until the table is vacuumed, and a look from its beginning passes
/// all of these: under load a thousand times what there is to find. So most looks begin where the last one has found
/// something. What they cannot see, since it was committed late or is free again, is found once a second, by a look at all.
///
/// Source: [B-tree deletion](https://www.postgresql.org/docs/current/btree.html#BTREE-DELETION), of what no scan can skip.
#[derive(Debug)]
pub struct Horizon<T> {
    from: Option<T>,
    all: Instant,
}

impl<T: Copy> Horizon<T> {
    /// Everything, at first.
    pub fn new() -> Self {
        Self { from: None, all: Instant::now() }
    }

    /// Where the look that is made now begins; `None` is the very beginning.
    pub fn look(&mut self) -> Option<T> {
        let now = Instant::now();
        if now < self.all {
            return self.from;
        }
        self.all = now + LOOK_AT_ALL_EVERY;
        None
    }

    /// Looks begin here from now on: at the oldest row that was found, or before it, as far as rows are committed in
    /// another order than they have.
    pub fn move_to(&mut self, from: T) {
        self.from = Some(from);
    }

    /// Waits until a look at all is due.
    pub async fn all_is_due(&self) {
        sleep_until(self.all).await;
    }
}

impl<T: Copy> Default for Horizon<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn once_a_second_all_is_looked_at() {
        let mut horizon = Horizon::new();
        assert_eq!((horizon.look(), horizon.look()), (None, None));
        horizon.move_to(5);
        assert_eq!((horizon.look(), horizon.look()), (Some(5), Some(5)));
        horizon.all_is_due().await;
        assert_eq!((horizon.look(), horizon.look()), (None, Some(5)));
        // Something older was found.
        horizon.move_to(3);
        assert_eq!(horizon.look(), Some(3));
    }
}
