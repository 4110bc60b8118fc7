//! `/v1/connect/ca` and `/v1/agent/connect/ca`: certificates of the service mesh.

use serde::{Deserialize, Deserializer};
use settings::Secret;
use time::{OffsetDateTime, serde::rfc3339};

use crate::{Client, Error, Indexed, Query, wire::null_as_default};

/// Calls about the mesh's certificate authority. <https://developer.hashicorp.com/consul/api-docs/connect/ca>
#[derive(Clone, Copy, Debug)]
pub struct Connect<'a>(pub(crate) &'a Client);

/// The authorities that vouch for the services of a datacenter.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Roots {
    /// The id of the one that signs.
    #[serde(rename = "ActiveRootID")]
    pub active_root_id: String,
    /// The trust domain of the services' SPIFFE ids, such as `11111111-2222-3333-4444-555555555555.consul`.
    pub trust_domain: String,
    /// Those that are to be trusted: several while the signing one is being replaced.
    #[serde(default, deserialize_with = "null_as_default")]
    pub roots: Vec<Root>,
}

/// An authority.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Root {
    /// Its fingerprint.
    #[serde(rename = "ID")]
    pub id: String,
    /// For people.
    pub name: String,
    /// Its certificate, in PEM.
    #[serde(rename = "RootCert")]
    pub certificate: String,
    /// The certificates between it and the leaves, in PEM.
    #[serde(rename = "IntermediateCerts", default, deserialize_with = "null_as_default")]
    pub intermediate_certificates: Vec<String>,
    /// Whether it is the one that signs.
    #[serde(rename = "Active")]
    pub is_active: bool,
}

/// A service's certificate, with its key.
#[derive(Clone, Debug, Deserialize)]
pub struct Leaf {
    /// The certificate in PEM, intermediate ones after it.
    #[serde(rename = "CertPEM")]
    pub certificate: String,
    /// Its private key, in PEM.
    #[serde(rename = "PrivateKeyPEM", deserialize_with = "secret")]
    pub private_key: Secret,
    /// The service that it is of.
    #[serde(rename = "Service")]
    pub service: String,
    /// The SPIFFE id that it proves.
    #[serde(rename = "ServiceURI")]
    pub service_uri: String,
    /// It is worth nothing before this.
    #[serde(rename = "ValidAfter", with = "rfc3339")]
    pub valid_after: OffsetDateTime,
    /// It is worth nothing after this; the agent makes another in good time.
    #[serde(rename = "ValidBefore", with = "rfc3339")]
    pub valid_before: OffsetDateTime,
}

impl Connect<'_> {
    /// The authorities, as the servers know them.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/connect/ca#list-ca-root-certificates>
    ///
    /// Errors: see [`Error`]; [`Error::Refused`] where the mesh is not enabled.
    pub async fn roots(&self, query: &Query) -> Result<Indexed<Roots>, Error> {
        let answer = self.0.get("connect/ca/roots", "")?.query(query).send().await?.found()?;
        answer.indexed(answer.json()?)
    }

    /// The authorities, as the agent has them at hand.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/connect#certificate-authority-ca-roots>
    ///
    /// Errors: as of [`roots`](Self::roots).
    pub async fn agent_roots(&self, query: &Query) -> Result<Indexed<Roots>, Error> {
        let answer = self.0.get("agent/connect/ca/roots", "")?.query(query).send().await?.found()?;
        answer.indexed(answer.json()?)
    }

    /// The certificate of a service, which need not be registered; the agent makes its key and has it signed.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/agent/connect#service-leaf-certificate>
    ///
    /// Errors: as of [`roots`](Self::roots); [`Error::Denied`] without the right `service:write`.
    pub async fn leaf(&self, service: &str, query: &Query) -> Result<Indexed<Leaf>, Error> {
        let answer = self.0.get("agent/connect/ca/leaf/", service)?.query(query).send().await?.found()?;
        answer.indexed(answer.json()?)
    }
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::from)
}
