//! gRPC both ways, as every service speaks it: deadlines, retries, balancing, rich errors, one log line per call.

#![warn(missing_docs)]

mod client;
pub mod deadline;
mod server;
pub mod status;

pub use client::{Channel, Client, ClientConfig, Policy};
pub use server::{Server, ServerConfig, panic_message};
