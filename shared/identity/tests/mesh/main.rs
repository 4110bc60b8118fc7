//! Connections between services that prove who they are, and with those that cannot.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod believed;
mod files;
mod granted;
mod key_set;
mod outsider;
mod pair;
mod refused;
