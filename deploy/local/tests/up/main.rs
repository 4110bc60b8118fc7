//! `cargo up` as whoever types it sees it: the program itself, its ports, its end.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod ending;
mod harness;
#[cfg(target_os = "linux")]
mod memory;
mod others;
mod paying;
mod replicas;
mod shopping;
mod starting;
mod through_consul;
mod traces;
