//! A private, real PostgreSQL server as a child process: kept data to develop with, or a temporary one for tests.
//!
//! Nothing has to be set up: programs that are installed are found, else they are downloaded once. The server
//! listens on a free port of 127.0.0.1 and ends with its parent, however that ends: a shell, `watchdog.sh`, stands
//! between them and notices when the parent is gone.

#![warn(missing_docs)]

mod error;
#[cfg(unix)]
mod server;
#[cfg(not(unix))]
#[path = "unsupported.rs"]
mod server;

pub use error::Error;
pub use server::PostgresServer;
