//! Somebody who comes to a service's port with some papers, or with none.

use std::{fs, net::SocketAddr, path::Path, time::Duration};

use anyhow::Context;
use reqwest::{Client, Identity};

/// Longer than a handshake may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A certificate and its key, in PEM.
pub struct Papers(String);

impl Papers {
    pub fn new(certificate: &str, key: &str) -> Self {
        Self(format!("{certificate}\n{key}"))
    }

    /// As `cargo xtask certs` leaves them.
    pub fn read(folder: &Path, service: &str) -> anyhow::Result<Self> {
        let read = |name: String| fs::read_to_string(folder.join(&name)).context(name);
        Ok(Self::new(&read(format!("{service}.pem"))?, &read(format!("{service}-key.pem"))?))
    }
}

/// Whether it is answered at all: whatever the answer to its question is, it comes from behind the door.
pub async fn is_let_in(port: SocketAddr, papers: Option<&Papers>) -> anyhow::Result<bool> {
    // It does not care who answers.
    let client = Client::builder().no_proxy().timeout(TIMEOUT).tls_danger_accept_invalid_certs(true);
    let client = match papers {
        Some(Papers(pem)) => client.identity(Identity::from_pem(pem.as_bytes())?),
        None => client,
    };
    Ok(client.build()?.get(format!("https://{port}/")).send().await.is_ok())
}
