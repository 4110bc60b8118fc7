//! The users service as its callers see it: the real server, a database of its own, the generated client.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod accounts;
mod codes;
mod commands;
mod harness;
mod keys;
mod limits;
mod login_page;
mod next_version;
mod operations;
mod outside;
mod permissions;
mod program;
mod programs;
mod refreshing;
mod sessions;
mod updates;
mod web;
