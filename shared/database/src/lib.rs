//! PostgreSQL, as every service uses it: settings, a pool, migrations, transactions with a time limit.

#![warn(missing_docs)]

mod connect;
mod failure;
mod provision;

pub use connect::{Config, begin, connect, migrate, ping};
pub use failure::{Failure, violated_constraint};
pub use provision::provision;
