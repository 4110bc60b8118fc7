//! A process from start to end: its signals, its readiness, its drain, its operations port.

#![warn(missing_docs)]

mod health;
mod operations;
mod process;
mod runtime;

pub use health::{Health, State};
pub use operations::{healthcheck, probes};
pub use process::{Command, Drain, Process, exit, listen};
pub use runtime::{Threads, block_on};
