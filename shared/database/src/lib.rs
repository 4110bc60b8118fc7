//! PostgreSQL, as every service uses it: settings, a pool, migrations, transactions with a time limit, statements that
//! can be seen in a trace.

#![warn(missing_docs)]

mod connect;
mod connection;
mod failure;
mod horizon;
mod pool;
mod provision;
mod statement;

pub use connect::{Config, connect, migrate, migrate_schema};
pub use connection::{Connection, Transaction};
pub use failure::{Failure, violated_constraint};
pub use horizon::Horizon;
pub use pool::Pool;
pub use provision::provision;
