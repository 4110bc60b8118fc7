//! gRPC both ways, as every service speaks it: deadlines, rich errors, one log line per call.

#![warn(missing_docs)]

mod client;
pub mod deadline;
mod server;
pub mod status;

pub use client::{Channel, Peer, PeerError, connect};
pub use server::{Server, panic_message};
