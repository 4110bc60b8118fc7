//! The certificate that is good now, for whoever begins a connection.

use std::{fmt, future::pending, sync::Arc};

use rustls::{
    SignatureScheme,
    client::ResolvesClientCert,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use tokio::sync::watch;

use super::certified::{Certified, Pem, Unfit};

/// `None` until there is one.
type Known = Option<Arc<Certified>>;

/// What there is now; it changes while it is used.
#[derive(Clone)]
pub(super) struct Current(Arc<watch::Receiver<Known>>);

impl Current {
    pub fn get(&self) -> Known {
        self.0.borrow().clone()
    }

    /// The same, for as long as anybody else has it.
    pub fn watched(&self) -> impl Fn() -> Known + Send + Sync + 'static {
        let watched = Arc::downgrade(&self.0);
        move || watched.upgrade()?.borrow().clone()
    }

    /// Waits for it.
    pub async fn first(&self) {
        if watch::Receiver::clone(&self.0).wait_for(Option::is_some).await.is_err() {
            // Whoever would have told has ended with the process.
            pending::<()>().await;
        }
    }
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Current").field(&self.get().map(|certified| certified.id.clone())).finish()
    }
}

impl ResolvesClientCert for Current {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.get().map(|certified| certified.key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.get().map(|certified| certified.key.clone())
    }
}

/// The other end: takes what is new, if it is any good.
pub(super) struct Renewal {
    service: String,
    known: watch::Sender<Known>,
    trouble: Option<String>,
}

impl Renewal {
    pub fn of(service: &str) -> (Self, Current) {
        let (known, receiver) = watch::channel(None);
        (Self { service: service.to_owned(), known, trouble: None }, Current(Arc::new(receiver)))
    }

    /// Errors: it is not fit to be used; what there was stays.
    pub fn take(&mut self, pem: &Pem<'_>) -> Result<(), Unfit> {
        let certified = Certified::read(pem, &self.service)?;
        tracing::info!(id = %certified.id, good_until = %certified.good_until(), "a certificate is used");
        self.known.send_replace(Some(Arc::new(certified)));
        self.trouble = None;
        Ok(())
    }

    /// Warns, once for the same trouble.
    pub fn refuse(&mut self, error: &anyhow::Error) {
        let trouble = format!("{error:#}");
        if self.trouble.as_ref() != Some(&trouble) {
            tracing::warn!(error = trouble, "a certificate is not fit to be used; the last good one stays");
            self.trouble = Some(trouble);
        }
    }

    /// Waits until nobody is interested any more.
    pub async fn unwanted(&self) {
        self.known.closed().await;
    }
}
