//! `/v1/health`: which instances of a service there are, and how they are.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Check, CheckStatus, Client, Error, Indexed, Query, Service, wire::null_as_default};

/// Calls about health, in the whole datacenter. <https://developer.hashicorp.com/consul/api-docs/health>
#[derive(Clone, Copy, Debug)]
pub struct Health<'a>(pub(crate) &'a Client);

/// Which instances of a service are asked for; by default all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceFilter {
    /// Only those of which every check passes, those of the node too.
    pub passing_only: bool,
    /// Only those that have all these tags.
    pub tags: Vec<String>,
}

/// An instance of a service: what it is, where it is, how it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Instance {
    /// The node that it runs on.
    pub node: Node,
    /// The instance itself.
    pub service: Service,
    /// Its checks, and those of its node.
    #[serde(default, deserialize_with = "null_as_default")]
    pub checks: Vec<Check>,
}

/// A machine with an agent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Node {
    /// Unique in the datacenter.
    #[serde(rename = "Node")]
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// Whatever else is known of it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub meta: BTreeMap<String, String>,
}

impl Instance {
    /// Where the instance is reached: at its own address, or else at its node's.
    pub fn address(&self) -> &str {
        if self.service.address.is_empty() { &self.node.address } else { &self.service.address }
    }

    /// Whether every check passes, those of the node too.
    pub fn is_passing(&self) -> bool {
        self.checks.iter().all(|check| check.status == CheckStatus::Passing)
    }
}

impl Health<'_> {
    /// The instances of a service; none if there is no such service, or the token may not read it.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service>
    ///
    /// Errors: see [`Error`].
    pub async fn service(
        &self,
        name: &str,
        filter: &InstanceFilter,
        query: &Query,
    ) -> Result<Indexed<Vec<Instance>>, Error> {
        let mut request = self.0.get("health/service/", name)?.in_datacenter().query(query);
        if filter.passing_only {
            request = request.parameter("passing", "true");
        }
        for tag in &filter.tags {
            request = request.parameter("tag", tag);
        }
        request.send().await?.found()?.indexed_list()
    }

    /// The checks of a node, and of the services on it.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/health#list-checks-for-node>
    ///
    /// Errors: see [`Error`].
    pub async fn node(&self, name: &str, query: &Query) -> Result<Indexed<Vec<Check>>, Error> {
        self.0.get("health/node/", name)?.in_datacenter().query(query).send().await?.found()?.indexed_list()
    }

    /// The checks of all instances of a service, without those of their nodes.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/health#list-checks-for-service>
    ///
    /// Errors: see [`Error`].
    pub async fn checks(&self, service: &str, query: &Query) -> Result<Indexed<Vec<Check>>, Error> {
        self.0.get("health/checks/", service)?.in_datacenter().query(query).send().await?.found()?.indexed_list()
    }
}
