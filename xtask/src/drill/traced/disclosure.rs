//! What telemetry must not tell: secrets nowhere, and in metrics neither who it was nor anything else without bounds.

use std::fs;

use anyhow::{Context as _, ensure};

use crate::cluster::{Folder, Received};
use crate::drill::{
    identifiers::has_uuid,
    load::{Customer, PASSWORD},
    report::figure,
};

pub struct Secrets<'a>([(&'static str, &'a str); 3]);

impl<'a> Secrets<'a> {
    pub fn of(customer: &'a Customer) -> Self {
        Self([("e-mail address", &customer.email), ("password", PASSWORD), ("access token", &customer.token)])
    }

    /// Looks into every log, of which one is all that the collector received.
    pub fn are_nowhere_in(&self, folder: &Folder) -> anyhow::Result<()> {
        let (mut logs, mut bytes) = (0, 0);
        for entry in fs::read_dir(folder.path())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let log = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
                let log = String::from_utf8_lossy(&log);
                for (what, secret) in self.0 {
                    ensure!(!log.contains(secret), "the customer's {what} is in {}", path.display());
                }
                (logs, bytes) = (logs + 1, bytes + log.len());
            }
        }
        figure("logs without any secret", format_args!("{logs}, {} kB", bytes / 1000));
        Ok(())
    }
}

/// Errors: an attribute of a metric has one of these ids, another one, or a path where there should be a route.
pub fn metrics_tell_of_nobody(received: &Received, ids: &[&str]) -> anyhow::Result<()> {
    let mut attributes = 0;
    for point in received.points() {
        for (name, value) in &point.attributes {
            let is_an_id = has_uuid(value) || ids.iter().any(|id| value.contains(id));
            ensure!(!is_an_id, "{}: {name} is {value}", point.name());
            ensure!(!value.contains("BOX-OAK"), "{}: {name} is {value}, which is no route", point.name());
            attributes += 1;
        }
    }
    figure("attributes of metrics without an id", attributes);
    Ok(())
}
