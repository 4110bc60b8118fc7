//! The payments service as others hear of it: the real service on a database of its own, a bus on which the test plays
//! orders, and the provider's books.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod calling_off;
mod harness;
mod killed;
mod next_version;
mod on_nats;
mod operations;
mod paying;
mod program;
mod sharing;
mod stories;
mod troubles;
