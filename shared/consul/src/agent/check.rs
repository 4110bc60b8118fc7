//! `/v1/agent/check`: how this agent finds out whether its services, and itself, are well.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::Agent;
use crate::{Error, wire};

/// A check to be registered, on its own or with a service.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewCheck {
    /// Unique on the agent; without it Consul makes one of the service's id or the check's name.
    #[serde(skip)] // Its name on the wire depends on where it stands: see `OfService`, `OfAgent`.
    pub id: Option<String>,
    /// For people.
    pub name: String,
    /// How it is found out.
    #[serde(flatten)]
    pub probe: Probe,
    /// What holds until it has first been found out; without it [`CheckStatus::Critical`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<CheckStatus>,
    /// Deregister the service when the check has been critical for this long; at least a minute, and Consul looks only
    /// every 30 seconds.
    #[serde(serialize_with = "wire::serialize_some_duration", skip_serializing_if = "Option::is_none")]
    pub deregister_critical_service_after: Option<Duration>,
}

/// How an agent finds out whether something is well.
///
/// <https://developer.hashicorp.com/consul/docs/register/health-check/vm>
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Probe {
    /// A GET of this URL: 2xx passes, 429 is a warning, anything else is critical.
    Http {
        /// The agent does not send a client certificate.
        #[serde(rename = "HTTP")]
        url: String,
        /// How often.
        #[serde(flatten)]
        schedule: Schedule,
    },
    /// A connection to this `host:port` can be made.
    Tcp {
        /// `host:port`.
        #[serde(rename = "TCP")]
        address: String,
        /// How often.
        #[serde(flatten)]
        schedule: Schedule,
    },
    /// The standard health service of gRPC says `SERVING`.
    Grpc {
        /// `host:port`, or `host:port/service`.
        #[serde(rename = "GRPC")]
        target: String,
        /// Over TLS, with the certificates of the agent.
        #[serde(rename = "GRPCUseTLS")]
        use_tls: bool,
        /// How often.
        #[serde(flatten)]
        schedule: Schedule,
    },
    /// Somebody says so, at least once in this time: see [`Agent::pass_check`].
    Ttl {
        /// Critical if nobody says anything for this long.
        #[serde(rename = "TTL", serialize_with = "wire::serialize_duration")]
        ttl: Duration,
    },
}

/// How often an agent probes, and how long it waits for the answer.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Schedule {
    /// From one probe to the next.
    #[serde(serialize_with = "wire::serialize_duration")]
    pub interval: Duration,
    /// No answer by then is critical.
    #[serde(serialize_with = "wire::serialize_duration")]
    pub timeout: Duration,
}

/// What has been found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// It is well.
    Passing,
    /// It is doubtful.
    Warning,
    /// It is not well.
    Critical,
}

/// A check, and what it has found out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Check {
    /// The node that it is on.
    pub node: String,
    /// Unique on its agent.
    #[serde(rename = "CheckID")]
    pub id: String,
    /// For people.
    pub name: String,
    /// What it has found out.
    pub status: CheckStatus,
    /// What the probe, or whoever looks after a TTL, had to say.
    #[serde(default)]
    pub output: String,
    /// The id of the service that it is about; empty if it is about the node.
    #[serde(rename = "ServiceID", default)]
    pub service_id: String,
    /// The name of that service.
    #[serde(default)]
    pub service_name: String,
}

/// As a service's registration spells it.
#[derive(Serialize)]
pub(crate) struct OfService<'a> {
    #[serde(rename = "CheckID", skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(flatten)]
    check: &'a NewCheck,
}

/// As a check's own registration spells it.
#[derive(Serialize)]
struct OfAgent<'a> {
    #[serde(rename = "ID", skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(rename = "ServiceID", skip_serializing_if = "Option::is_none")]
    service_id: Option<&'a str>,
    #[serde(flatten)]
    check: &'a NewCheck,
}

impl<'a> From<&'a NewCheck> for OfService<'a> {
    fn from(check: &'a NewCheck) -> Self {
        Self { id: check.id.as_deref(), check }
    }
}

impl Agent<'_> {
    /// Registers a check of the service of this id, or of the node; replaces the check of the same id.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/check#register-check>
    ///
    /// Errors: see [`Error`]; [`Error::Refused`] if the agent has no such service.
    pub async fn register_check(&self, check: &NewCheck, service_id: Option<&str>) -> Result<(), Error> {
        let body = OfAgent { id: check.id.as_deref(), service_id, check };
        self.0.put("agent/check/register", "")?.json(&body).send().await?.found()?;
        Ok(())
    }

    /// Deregisters the check of this id; fine if there is none.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/check#deregister-check>
    ///
    /// Errors: see [`Error`].
    pub async fn deregister_check(&self, id: &str) -> Result<(), Error> {
        // Versions differ: an id that is not known is 200 in 1.8, and 404 in later ones.
        self.0.put("agent/check/deregister/", id)?.send().await?;
        Ok(())
    }

    /// The checks of this agent by their ids; those that the token may not read are left out.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/check#list-checks>
    ///
    /// Errors: see [`Error`].
    pub async fn checks(&self) -> Result<BTreeMap<String, Check>, Error> {
        self.0.get("agent/checks", "")?.send().await?.found()?.list()
    }

    /// Says of a TTL check that it passes, with a note for people.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/check#ttl-check-pass>
    ///
    /// Errors: see [`Error`]; [`Error::NotFound`] if the agent has no such check, or has forgotten it.
    pub async fn pass_check(&self, id: &str, note: &str) -> Result<(), Error> {
        self.0.put("agent/check/pass/", id)?.parameter("note", note).send().await?.found()?;
        Ok(())
    }

    /// Says of a TTL check that it is doubtful, with a note for people.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/check#ttl-check-warn>
    ///
    /// Errors: as of [`pass_check`](Self::pass_check).
    pub async fn warn_check(&self, id: &str, note: &str) -> Result<(), Error> {
        self.0.put("agent/check/warn/", id)?.parameter("note", note).send().await?.found()?;
        Ok(())
    }

    /// Says of a TTL check that it is critical, with a note for people.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/check#ttl-check-fail>
    ///
    /// Errors: as of [`pass_check`](Self::pass_check).
    pub async fn fail_check(&self, id: &str, note: &str) -> Result<(), Error> {
        self.0.put("agent/check/fail/", id)?.parameter("note", note).send().await?.found()?;
        Ok(())
    }

    /// Says how a TTL check is, with a text that need not be as short as a note.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/check#ttl-check-update>
    ///
    /// Errors: as of [`pass_check`](Self::pass_check).
    pub async fn update_check(&self, id: &str, status: CheckStatus, output: &str) -> Result<(), Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Update<'a> {
            status: CheckStatus,
            output: &'a str,
        }
        self.0.put("agent/check/update/", id)?.json(&Update { status, output }).send().await?.found()?;
        Ok(())
    }
}
