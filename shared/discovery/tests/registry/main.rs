//! Finding and being found: through a real Consul, through one that lies, within a process, by name and address.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod access;
mod addresses;
mod bad_answers;
mod certificates;
mod consul_away;
mod harness;
mod https;
mod in_process;
mod liar;
mod live_settings;
mod member;
mod registration;
mod watching;
