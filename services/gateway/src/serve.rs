//! The public port: connections are taken until the end, each within its limits.

mod activity;
mod admission;
mod certificate;
mod config;
mod connection;

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, select, task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

pub use self::config::EdgeConfig;
use self::{admission::Admission, certificate::Certificate, connection::Server};

/// A process that may open no more files can accept again when others were closed.
const OUT_OF_FILES: Duration = Duration::from_millis(200);

/// What the public port is made of besides the address and the API.
pub struct Edge {
    admission: Admission,
    certificate: Option<Arc<Certificate>>,
}

impl Edge {
    /// Errors: the certificate or its key cannot be read, or do not belong together.
    pub fn open(config: &EdgeConfig) -> anyhow::Result<Self> {
        let certificate = config.certificate_files().map(Certificate::open).transpose()?;
        Ok(Self { admission: Admission::new(config), certificate: certificate.map(Arc::new) })
    }
}

/// Serves until `shutdown`, then finishes what is in flight.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    edge: Edge,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let Edge { admission, certificate } = edge;
    let server = Arc::new(Server::new(router, certificate.clone(), shutdown.clone()));
    let mut connections = JoinSet::new();
    let renewal = async {
        match &certificate {
            Some(certificate) => certificate.follow_files().await,
            None => std::future::pending().await,
        }
    };
    select! {
        () = shutdown.cancelled() => {}
        () = accept(&listener, &admission, &server, &mut connections) => {}
        () = renewal => {}
    }
    // From here on the system refuses, which a client takes as a sign to go elsewhere.
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn accept(listener: &TcpListener, admission: &Admission, server: &Arc<Server>, connections: &mut JoinSet<()>) {
    loop {
        let accepted = select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            // One too many is closed at once. Not to accept it would make it wait without a word, and behind it those
            // that others have room for.
            Ok((stream, peer)) => {
                if let Some(seat) = admission.admit(peer.ip()) {
                    connections.spawn(server.clone().serve(stream, peer, seat));
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(OUT_OF_FILES).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
