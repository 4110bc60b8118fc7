//! What is told of a request and of whatever else is done, and to which trace it belongs.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod operations;
mod propagation;
mod requests;
