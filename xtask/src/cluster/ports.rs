//! Ports that stay free while whoever listens on them is away.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    process,
};

use anyhow::Context;

/// Below the ports that systems give to outgoing connections. One of those could take the port of an instance that is
/// away, and a connection to that port could even find itself.
const FIRST: u16 = 20_000;
const RANGES: u16 = 200;
const PORTS_IN_RANGE: u16 = 50;

/// A range of ports for this process, so that two drills at a time do not meet.
pub struct Ports {
    left: std::ops::Range<u16>,
}

impl Ports {
    pub fn new() -> Self {
        // The remainder fits, being smaller than the divisor.
        let range = (process::id() % u32::from(RANGES)) as u16;
        let first = FIRST + range * PORTS_IN_RANGE;
        Self { left: first..first + PORTS_IN_RANGE }
    }

    /// An address that nobody listens on. Errors: there is none left.
    pub fn take(&mut self) -> anyhow::Result<SocketAddr> {
        let mut addresses = self.left.by_ref().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        addresses.find(|address| TcpListener::bind(address).is_ok()).context("no free port")
    }
}
