//! The users service as its callers see it: the real server, a database of its own, the generated client.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod accounts;
mod harness;
mod next_version;
mod operations;
mod permissions;
mod program;
mod sessions;
mod updates;
