//! An instance as the tests need it: registered, asked whether it is ready, and leaving.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
};

use axum::{Router, http::StatusCode, routing::get};
use discovery::{Registration, Registry};
use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::harness::PATIENCE;

/// An instance that is registered.
pub struct Member {
    pub id: String,
    pub started_at: String,
    pub readyz: Readyz,
    leaving: CancellationToken,
    registered: JoinHandle<()>,
}

impl Member {
    /// An instance of this service, called at the port where it is asked whether it is ready.
    pub async fn join(registry: &Registry, service: &str) -> Self {
        let readyz = Readyz::start("127.0.0.1:0").await;
        let registration = Registration::grpc(service, "1.2.3", readyz.address, readyz.address);
        Self::join_as(registry, registration, readyz)
    }

    pub fn join_as(registry: &Registry, registration: Registration, readyz: Readyz) -> Self {
        let id = format!("{}-{}-{}", registration.service, registration.address.ip(), registration.address.port());
        let (started_at, leaving) = (registration.started_at.clone(), CancellationToken::new());
        let registered = tokio::spawn({
            let (registry, leaving) = (registry.clone(), leaving.clone());
            async move { registry.register(registration, leaving).await }
        });
        Self { id, started_at, readyz, leaving, registered }
    }

    /// Returns when its registration has ended.
    pub async fn leave(self) {
        self.leaving.cancel();
        timeout(PATIENCE, self.registered).await.expect("it cannot leave").unwrap();
    }

    /// Ends as a process does that is killed: without a word to anybody. What listened is left to the next life.
    pub async fn die(self) -> Readyz {
        self.registered.abort();
        assert!(self.registered.await.unwrap_err().is_cancelled());
        self.readyz
    }
}

/// Where the agent asks whether an instance is ready.
pub struct Readyz {
    pub address: SocketAddr,
    is_ready: Arc<AtomicBool>,
    looks: watch::Receiver<u32>,
    server: JoinHandle<std::io::Result<()>>,
}

impl Readyz {
    pub async fn start(address: &str) -> Self {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (looked, looks) = watch::channel(0);
        let is_ready = Arc::new(AtomicBool::new(true));
        let ready = Arc::clone(&is_ready);
        let answer = async move || {
            looked.send_modify(|looks| *looks += 1);
            if ready.load(SeqCst) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
        };
        let router = Router::new().route("/readyz", get(answer));
        let server = tokio::spawn(axum::serve(listener, router).into_future());
        Self { address, is_ready, looks, server }
    }

    pub fn set(&self, is_ready: bool) {
        self.is_ready.store(is_ready, SeqCst);
    }

    pub fn stop(self) {
        self.server.abort();
    }

    /// Waits until somebody looks once more.
    pub async fn look(&mut self) {
        self.looks.mark_unchanged();
        timeout(PATIENCE, self.looks.changed()).await.expect("nobody looks").unwrap();
    }
}
