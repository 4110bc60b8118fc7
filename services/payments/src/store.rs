//! All SQL of the payments service but that of the simulated provider.

mod changes;
mod due;
mod trace;

use database::Pool;
use events::Outbox;

pub use self::due::Due;

#[derive(Clone)]
pub struct Store {
    pool: Pool,
    outbox: Outbox,
}

impl Store {
    pub fn new(pool: Pool, outbox: Outbox) -> Self {
        Self { pool, outbox }
    }
}
