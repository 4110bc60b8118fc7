//! What tests of a service need: a database of their own, and tokens that the service believes.

#![warn(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod postgres;
mod tokens;

pub use self::{
    postgres::{private_database, server_password},
    tokens::Tokens,
};

use std::net::SocketAddr;

use tokio::net::TcpListener;

/// A free port of this machine, open.
pub async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
