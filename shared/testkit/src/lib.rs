//! What tests need: a database of their own, a Consul and a NATS of their own, tokens that a service believes, every
//! method of a contract, and an ear for what a process tells of itself and what it logs.

#![warn(missing_docs)]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

pub mod authority;
mod consul_agent;
pub mod contract;
mod logs;
mod nats_server;
mod postgres;
mod tokens;
pub mod told;
mod watched;

pub use self::{
    authority::Authority,
    consul_agent::{Consul, ServerCertificate},
    logs::Logs,
    nats_server::{Nats, NatsSettings},
    postgres::{migrate_ahead, private_database, server_password},
    tokens::Tokens,
};

use std::net::SocketAddr;

use discovery::Registry;
use identity::Mesh;
use tokio::net::TcpListener;

/// A channel to a server at this address; `descriptors` is the encoded `FileDescriptorSet` of what it serves.
pub fn channel(address: SocketAddr, descriptors: &[u8]) -> rpc::Channel {
    let client =
        rpc::Client::new(&rpc::ClientConfig::default(), Registry::in_process(), Mesh::plain(), descriptors).unwrap();
    client.channel("tested", &format!("http://{address}").parse().unwrap()).unwrap()
}

/// A free port of this machine, open.
pub async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}
