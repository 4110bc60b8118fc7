//! The ports of all services, opened before anything slow is begun, and where they ended up.

use std::net::SocketAddr;

use anyhow::Context;
use lifecycle::listen;
use rpc::Peer;
use tokio::net::TcpListener;

use crate::options::Options;

pub struct Listeners {
    pub gateway: TcpListener,
    pub users: users::Listeners,
    pub orders: TcpListener,
}

impl Listeners {
    /// Errors: a port is taken; the message names it.
    pub async fn open(options: &Options) -> anyhow::Result<Self> {
        Ok(Self {
            gateway: listen("--port", options.address(options.port)).await?,
            users: users::Listeners {
                grpc: listen("--users-port", options.address(options.users_port)).await?,
                http: listen("--users-http-port", options.address(options.users_http_port)).await?,
            },
            orders: listen("--orders-port", options.address(options.orders_port)).await?,
        })
    }

    pub fn addresses(&self) -> anyhow::Result<Addresses> {
        Ok(Addresses {
            gateway: self.gateway.local_addr()?,
            users: self.users.grpc.local_addr()?,
            users_http: self.users.http.local_addr()?,
            orders: self.orders.local_addr()?,
        })
    }
}

/// Where each service listens.
#[derive(Clone, Copy)]
pub struct Addresses {
    pub gateway: SocketAddr,
    pub users: SocketAddr,
    pub users_http: SocketAddr,
    pub orders: SocketAddr,
}

/// The peer that listens here.
pub fn peer(address: SocketAddr) -> anyhow::Result<Peer> {
    format!("http://{address}").parse().context("a bound address is a peer")
}
