//! gRPC both ways, as every service speaks it: deadlines, retries, balancing, rich errors, one log line and one span per call.

#![warn(missing_docs)]

mod calls;
mod client;
pub mod deadline;
mod ending;
mod methods;
pub mod middleware;
mod server;
pub mod status;

pub use client::{Channel, Client, ClientConfig, Policy};
pub use server::{Lingering, Server, ServerConfig, caller, panic_message};
