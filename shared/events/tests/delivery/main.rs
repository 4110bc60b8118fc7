//! Events on their way over a real NATS, from the transaction that tells of them to the one in which they take effect.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod away;
mod handling;
mod listening;
mod poison;
mod publishing;
mod replaying;
mod rights;
mod stage;
