//! The orders service as its callers see it: the real server, a database of its own, the generated client, and a stub
//! of users.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod accounts;
mod bad_input;
mod cancelling;
mod catalogue;
mod expiry;
mod forgetting;
mod harness;
mod idempotency;
mod listing;
mod next_version;
mod operations;
mod paying;
mod permissions;
mod placing;
mod program;
mod stock;
mod waiting;
mod watching;
