//! The registry of services that share a process: `cargo up`, and tests.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{Instance, Registration, instance::Known};

#[derive(Clone, Default)]
pub(crate) struct InProcess(Arc<Mutex<HashMap<String, watch::Sender<Known>>>>);

impl InProcess {
    pub fn watch(&self, service: &str) -> watch::Receiver<Known> {
        self.with(service, watch::Sender::subscribe)
    }

    pub async fn register(&self, registration: &Registration, leaving: CancellationToken) {
        let _registered = Registered::new(self, registration);
        leaving.cancelled().await;
    }

    fn change(&self, service: &str, change: impl FnOnce(&mut Vec<Instance>)) {
        self.with(service, |sender| {
            let mut instances = sender.borrow().as_deref().map(<[_]>::to_vec).unwrap_or_default();
            change(&mut instances);
            sender.send_replace(Some(instances.into()));
        });
    }

    fn with<T>(&self, service: &str, work: impl FnOnce(&watch::Sender<Known>) -> T) -> T {
        let mut services = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        work(services.entry(service.to_owned()).or_insert_with(|| watch::Sender::new(None)))
    }
}

/// An instance that is found until this is dropped, as it also is with a task that is aborted.
struct Registered<'a> {
    registry: &'a InProcess,
    service: &'a str,
    instance: Instance,
}

impl<'a> Registered<'a> {
    fn new(registry: &'a InProcess, registration: &'a Registration) -> Self {
        let instance = registration.instance();
        registry.change(&registration.service, |instances| instances.push(instance.clone()));
        Self { registry, service: &registration.service, instance }
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.registry.change(self.service, |instances| instances.retain(|other| *other != self.instance));
    }
}
