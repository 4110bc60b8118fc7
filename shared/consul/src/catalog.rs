//! `/v1/catalog`: what the datacenter consists of, well or not.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Client, Error, Indexed, Node, Query, Service, wire::null_as_default};

/// Calls about the catalogue. <https://developer.hashicorp.com/consul/api-docs/catalog>
#[derive(Clone, Copy, Debug)]
pub struct Catalog<'a>(pub(crate) &'a Client);

/// An instance of a service, of whose health the catalogue says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogInstance {
    /// The node that it runs on.
    pub node: Node,
    /// The instance itself.
    pub service: Service,
}

impl Catalog<'_> {
    /// The names of all services, each with the tags that any of its instances has.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/catalog#list-services>
    ///
    /// Errors: see [`Error`].
    pub async fn services(&self, query: &Query) -> Result<Indexed<BTreeMap<String, Vec<String>>>, Error> {
        self.0.get("catalog/services", "")?.in_datacenter().query(query).send().await?.found()?.indexed_list()
    }

    /// The instances of a service; none if there is no such service.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/catalog#list-nodes-for-service>
    ///
    /// Errors: see [`Error`].
    pub async fn service(&self, name: &str, query: &Query) -> Result<Indexed<Vec<CatalogInstance>>, Error> {
        let request = self.0.get("catalog/service/", name)?.in_datacenter().query(query);
        let answer = request.send().await?.found()?;
        let rows: Vec<Row> = answer.list()?;
        answer.indexed(rows.into_iter().map(CatalogInstance::from).collect())
    }
}

/// As the catalogue writes it: flat.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    node: String,
    address: String,
    #[serde(default, deserialize_with = "null_as_default")]
    node_meta: BTreeMap<String, String>,
    #[serde(rename = "ServiceID")]
    service_id: String,
    service_name: String,
    #[serde(default)]
    service_address: String,
    #[serde(default)]
    service_port: u16,
    #[serde(default, deserialize_with = "null_as_default")]
    service_tags: Vec<String>,
    #[serde(default, deserialize_with = "null_as_default")]
    service_meta: BTreeMap<String, String>,
}

impl From<Row> for CatalogInstance {
    fn from(row: Row) -> Self {
        let node = Node { name: row.node, address: row.address, meta: row.node_meta };
        let service = Service {
            id: row.service_id,
            name: row.service_name,
            address: row.service_address,
            port: row.service_port,
            tags: row.service_tags,
            meta: row.service_meta,
        };
        Self { node, service }
    }
}
