//! The registry that a Consul agent is a part of.

mod certify;
mod doubt;
mod register;
mod watch;

use std::{
    collections::BTreeMap,
    error::Error as _,
    fs,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use consul::{Client, Error};
use tokio::time::Instant;

use crate::{Config, config::Advertise};

/// An agent, and how we get along with it.
#[derive(Clone)]
pub(crate) struct Agent {
    client: Client,
    settings: Arc<Settings>,
    relations: Arc<Mutex<Relations>>,
}

/// What a registration has besides the instance's own address.
struct Settings {
    url: String,
    check_interval: Duration,
    advertise: Option<Advertise>,
    zone: Option<String>,
}

/// What has to work before anything else does.
const REACHING: &str = "reaching consul";

#[derive(Default)]
struct Relations {
    answered: Option<Instant>,
    /// What does not work, by what was tried.
    troubles: BTreeMap<String, String>,
}

impl Agent {
    /// The agent of the settings, if they name one. Errors: they make no client.
    pub fn of(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(url) = config.consul_url.clone() else { return Ok(None) };
        let ca = config
            .consul_ca_file
            .as_ref()
            .map(|file| fs::read(file).with_context(|| format!("CONSUL_CA_FILE {} cannot be read", file.display())));
        let settings = Settings {
            url: url.as_str().trim_end_matches('/').to_owned(),
            check_interval: Duration::from_secs(config.consul_check_interval_s),
            advertise: config.advertise_address.clone(),
            zone: config.zone.clone(),
        };
        let client = Client::new(&consul::Config {
            url,
            token: config.consul_token.clone(),
            ca_certificate: ca.transpose()?,
            datacenter: config.consul_datacenter.clone(),
        })?;
        Ok(Some(Self { client, settings: Arc::new(settings), relations: Arc::default() }))
    }

    /// What was tried works.
    fn succeeded(&self, what: &str) {
        let mut relations = self.relations.lock().unwrap_or_else(PoisonError::into_inner);
        relations.answered = Some(Instant::now());
        for what in [REACHING, what] {
            if relations.troubles.remove(what).is_some() {
                tracing::info!(consul = self.settings.url, "{what} works again");
            }
        }
    }

    /// It does not. One warning for each trouble, however often it is met.
    fn failed(&self, what: &str, error: &Error) {
        let mut relations = self.relations.lock().unwrap_or_else(PoisonError::into_inner);
        // Whatever else is tried will not work either.
        let what = if matches!(error, Error::Unreachable(_)) { REACHING } else { what };
        let trouble = chain(error);
        let before = relations.troubles.insert(what.to_owned(), trouble.clone());
        // Its cause may be another each time: a connection is first reset, then refused.
        if !before.is_some_and(|before| before.starts_with(&error.to_string())) {
            tracing::warn!(
                consul = self.settings.url,
                error = trouble,
                "{what} does not work; the last good state stays"
            );
        }
    }

    /// For `/readyz?verbose`. Errors: something does not work.
    pub fn report(&self) -> Result<String, String> {
        let relations = self.relations.lock().unwrap_or_else(PoisonError::into_inner);
        let age = relations.answered.map(|answered| format!("answered {:.1} s ago", answered.elapsed().as_secs_f64()));
        let report = format!("{}, {}", self.settings.url, age.as_deref().unwrap_or("has never answered"));
        match relations.troubles.iter().next() {
            None => Ok(report),
            Some((what, trouble)) => Err(format!("{report}; {what} does not work: {trouble}")),
        }
    }
}

/// The innermost cause says it plainly; those between repeat each other.
fn chain(error: &Error) -> String {
    match std::iter::successors(error.source(), |cause| (*cause).source()).last() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
