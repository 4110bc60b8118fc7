//! The ports of all instances, opened before anything slow is begun, and where they ended up.

use std::net::SocketAddr;

use lifecycle::listen;
use tokio::net::TcpListener;

use crate::options::Options;

/// The ports of one instance of each service.
pub struct Listeners {
    pub gateway: TcpListener,
    pub users: users::Listeners,
    pub orders: TcpListener,
}

impl Listeners {
    /// The first instances are where they are expected, the others where there is room.
    ///
    /// Errors: a port is taken; the message names it.
    pub async fn open_all(options: &Options) -> anyhow::Result<Vec<Self>> {
        let mut all = Vec::new();
        for replica in 0..options.replicas {
            let address = |port: u16| options.address(if replica == 0 { port } else { 0 });
            all.push(Self {
                gateway: listen("--port", address(options.port)).await?,
                users: users::Listeners {
                    grpc: listen("--users-port", address(options.users_port)).await?,
                    http: listen("--users-http-port", address(options.users_http_port)).await?,
                },
                orders: listen("--orders-port", address(options.orders_port)).await?,
            });
        }
        Ok(all)
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

/// Where one instance of each service listens.
#[derive(Clone, Copy)]
pub struct Addresses {
    pub gateway: SocketAddr,
    pub users: SocketAddr,
    pub users_http: SocketAddr,
    pub orders: SocketAddr,
}
