//! The client against a real Consul, and against servers that only pretend to be one.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod access;
mod agent;
mod away;
mod catalog;
mod checks;
mod garbage;
mod harness;
mod health;
mod https;
mod keys;
mod locks;
mod mesh;
mod waiting;
