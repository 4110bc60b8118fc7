//! The orders service as its callers see it: the real server, a database of its own, the generated client, and a stub
//! of users.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod bad_input;
mod cancelling;
mod catalogue;
mod harness;
mod idempotency;
mod listing;
mod next_version;
mod operations;
mod permissions;
mod placing;
mod program;
mod stock;
