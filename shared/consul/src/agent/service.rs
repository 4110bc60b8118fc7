//! `/v1/agent/service`: services that are registered with this agent.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use super::{
    Agent,
    check::{NewCheck, OfService},
};
use crate::{Error, wire::null_as_default};

/// A service to be registered.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewService {
    /// Unique on the agent; registering it again replaces what is there.
    #[serde(rename = "ID")]
    pub id: String,
    /// What all instances of the service have in common.
    pub name: String,
    /// Where it is reached; empty for the address of the node.
    pub address: String,
    /// Where it is reached; 0 for none.
    pub port: u16,
    /// To select instances by.
    pub tags: Vec<String>,
    /// Whatever else is to be known of the instance.
    pub meta: BTreeMap<String, String>,
    /// It is well when all of them pass.
    #[serde(serialize_with = "with_ids")]
    pub checks: Vec<NewCheck>,
}

/// A service as the agent or the catalogue knows it: one instance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    /// Unique on the agent.
    #[serde(rename = "ID")]
    pub id: String,
    /// What all instances of the service have in common.
    #[serde(rename = "Service")]
    pub name: String,
    /// Where it is reached; empty for the address of the node.
    #[serde(default)]
    pub address: String,
    /// Where it is reached; 0 for none.
    #[serde(default)]
    pub port: u16,
    /// To select instances by.
    #[serde(default, deserialize_with = "null_as_default")]
    pub tags: Vec<String>,
    /// Whatever else is known of the instance.
    #[serde(default, deserialize_with = "null_as_default")]
    pub meta: BTreeMap<String, String>,
}

impl Agent<'_> {
    /// Registers a service, or replaces the one of that id, with all its checks.
    ///
    /// The agent keeps it until it is deregistered; an agent that is restarted without a data folder forgets it.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/service#register-service>
    ///
    /// Errors: see [`Error`]; [`Error::Denied`] without the right `service:write`; [`Error::Refused`] with status 400
    /// for a definition that Consul does not accept.
    pub async fn register_service(&self, service: &NewService) -> Result<(), Error> {
        let request = self.0.put("agent/service/register", "")?.parameter("replace-existing-checks", "true");
        request.json(service).send().await?.found()?;
        Ok(())
    }

    /// Deregisters the service of this id, with its checks; fine if there is none.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/service#deregister-service>
    ///
    /// Errors: see [`Error`].
    pub async fn deregister_service(&self, id: &str) -> Result<(), Error> {
        // Versions differ: an id that is not known is 200 in 1.8, and 404 in later ones.
        self.0.put("agent/service/deregister/", id)?.send().await?;
        Ok(())
    }

    /// The service of this id, as this agent knows it.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/service#get-service-configuration>
    ///
    /// Errors: see [`Error`].
    pub async fn find_service(&self, id: &str) -> Result<Option<Service>, Error> {
        let answer = self.0.get("agent/service/", id)?.send().await?;
        answer.if_found().map(|answer| answer.json()).transpose()
    }

    /// The services of this agent by their ids; those that the token may not read are left out.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/service#list-services>
    ///
    /// Errors: see [`Error`].
    pub async fn services(&self) -> Result<BTreeMap<String, Service>, Error> {
        self.0.get("agent/services", "")?.send().await?.found()?.list()
    }

    /// Takes a service out, whatever its checks say: a failing check is added to it.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/service#enable-maintenance-mode>
    ///
    /// Errors: see [`Error`]; [`Error::NotFound`] if the agent has no such service.
    pub async fn start_service_maintenance(&self, id: &str, reason: &str) -> Result<(), Error> {
        let request = self.0.put("agent/service/maintenance/", id)?;
        request.parameter("enable", "true").parameter("reason", reason).send().await?.found()?;
        Ok(())
    }

    /// Lets a service's own checks decide again.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/service#enable-maintenance-mode>
    ///
    /// Errors: see [`Error`]; [`Error::NotFound`] if the agent has no such service.
    pub async fn end_service_maintenance(&self, id: &str) -> Result<(), Error> {
        let request = self.0.put("agent/service/maintenance/", id)?;
        request.parameter("enable", "false").send().await?.found()?;
        Ok(())
    }
}

fn with_ids<S: Serializer>(checks: &[NewCheck], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(checks.iter().map(OfService::from))
}
