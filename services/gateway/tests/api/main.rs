//! The gateway as the public sees it: the router itself, real gRPC to stubs of the services behind it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod accounts;
mod bodies;
mod broken_promises;
mod browsers;
mod catalogue;
mod clients;
mod description;
mod drain;
mod edge;
mod failures;
mod harness;
mod limits;
mod orders;
mod paths;
mod permissions;
mod program;
mod proxy;
mod rate_limits;
mod resilience;
mod smuggling;
mod stubs;
mod tls;
mod traces;
mod updates;
mod who_may_call;
mod wire;
