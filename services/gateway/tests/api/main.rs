//! The gateway as the public sees it: the router itself, real gRPC to stubs of the services behind it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod accounts;
mod bodies;
mod broken_promises;
mod catalogue;
mod description;
mod edge;
mod failures;
mod harness;
mod orders;
mod paths;
mod permissions;
mod program;
mod proxy;
mod resilience;
mod stubs;
mod traces;
mod who_may_call;
