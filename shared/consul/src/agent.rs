//! `/v1/agent`: the services and checks that this agent looks after, its maintenance, and who it is.

pub mod check;
pub mod service;

use serde::Deserialize;

use crate::{Client, Error};

/// Calls about the agent itself. <https://developer.hashicorp.com/consul/api-docs/agent>
#[derive(Clone, Copy, Debug)]
pub struct Agent<'a>(pub(crate) &'a Client);

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AgentInfo {
    /// The datacenter that it belongs to.
    pub datacenter: String,
    /// The name of its node.
    pub node_name: String,
    /// Consul's version, such as `1.8.7`.
    pub version: String,
}

impl Agent<'_> {
    /// Who the agent is, of all that it could tell.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent#read-configuration>
    ///
    /// Errors: see [`Error`]; [`Error::Denied`] without the right `agent:read`.
    pub async fn info(&self) -> Result<AgentInfo, Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            config: AgentInfo,
        }
        let answer = self.0.get("agent/self", "")?.send().await?.found()?;
        Ok(answer.json::<Answer>()?.config)
    }

    /// Takes the whole node out of service, whatever its checks say: a failing check is added to it.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent#enable-maintenance-mode>
    ///
    /// Errors: see [`Error`].
    pub async fn start_maintenance(&self, reason: &str) -> Result<(), Error> {
        let request = self.0.put("agent/maintenance", "")?;
        request.parameter("enable", "true").parameter("reason", reason).send().await?.found()?;
        Ok(())
    }

    /// Puts the node back into service.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent#enable-maintenance-mode>
    ///
    /// Errors: see [`Error`].
    pub async fn end_maintenance(&self) -> Result<(), Error> {
        self.0.put("agent/maintenance", "")?.parameter("enable", "false").send().await?.found()?;
        Ok(())
    }
}
