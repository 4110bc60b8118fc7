//! Outbox, relay and consumers over the bus within a process, against a real PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod at_once;
mod commands;
mod gauges;
mod handling;
mod harness;
mod leases;
mod leaving;
mod listening;
mod plan;
mod publishing;
mod refused;
mod sweep;
mod traced;
