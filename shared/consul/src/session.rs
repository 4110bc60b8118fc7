//! `/v1/session`: sessions, which hold locks in the key/value store for as long as their holder is well.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    Client, Error, Indexed, Query,
    wire::{self, null_as_default},
};

/// Calls about sessions. <https://developer.hashicorp.com/consul/api-docs/session>
#[derive(Clone, Copy, Debug)]
pub struct Sessions<'a>(pub(crate) &'a Client);

/// What Consul names a session by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(String);

/// A session to be created.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NewSession {
    /// For people.
    pub name: String,
    /// The session ends when it is not renewed for this long, which Consul may stretch to twice the time; 10 s to
    /// 24 h. Without it only a check that fails ends the session.
    #[serde(rename = "TTL", serialize_with = "wire::serialize_some_duration", skip_serializing_if = "Option::is_none")]
    pub ttl: Option<Duration>,
    /// For how long nobody else gets a lock that the session's end has freed, since its holder may not know of it yet;
    /// up to 60 s, without it 15 s.
    #[serde(serialize_with = "wire::serialize_some_duration", skip_serializing_if = "Option::is_none")]
    pub lock_delay: Option<Duration>,
    /// What becomes of the locked keys when the session ends.
    pub behavior: Behavior,
    /// The ids of the checks of the node that have to pass; without it `serfHealth` alone, which fails when the agent
    /// is away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_checks: Option<Vec<String>>,
}

/// What becomes of locked keys when their session ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Behavior {
    /// They are unlocked.
    #[default]
    Release,
    /// They are deleted.
    Delete,
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Session {
    /// What Consul names it by.
    #[serde(rename = "ID")]
    pub id: SessionId,
    /// For people.
    pub name: String,
    /// The node that it belongs to.
    pub node: String,
    /// In Go's notation, such as `1m30s`; empty if the session needs no renewal.
    #[serde(rename = "TTL", default)]
    pub ttl: String,
    /// See [`NewSession::lock_delay`].
    #[serde(deserialize_with = "from_nanoseconds")]
    pub lock_delay: Duration,
    /// What becomes of the locked keys.
    pub behavior: Behavior,
    /// The ids of the checks of the node that have to pass.
    #[serde(default, deserialize_with = "null_as_default")]
    pub node_checks: Vec<String>,
}

impl SessionId {
    /// As Consul writes it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// From where it was kept: what was made up is refused by Consul.
impl From<String> for SessionId {
    fn from(id: String) -> Self {
        Self(id)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Sessions<'_> {
    /// Creates a session of the agent's node.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/session#create-session>
    ///
    /// Errors: see [`Error`]; [`Error::Refused`] for a duration out of bounds or a check that does not pass.
    pub async fn create(&self, session: &NewSession) -> Result<SessionId, Error> {
        #[derive(Deserialize)]
        struct Created {
            #[serde(rename = "ID")]
            id: SessionId,
        }
        let answer = self.0.put("session/create", "")?.in_datacenter().json(session).send().await?.found()?;
        Ok(answer.json::<Created>()?.id)
    }

    /// Makes the time of a session begin anew.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/session#renew-session>
    ///
    /// Errors: see [`Error`]; [`Error::NotFound`] if the session has ended: its locks are lost.
    pub async fn renew(&self, id: &SessionId) -> Result<Session, Error> {
        let answer = self.0.put("session/renew/", id.as_str())?.in_datacenter().send().await?.found()?;
        let mut sessions: Vec<Session> = answer.list()?;
        sessions.pop().ok_or_else(|| Error::garbled("it has no session"))
    }

    /// Ends a session, which frees its locks at once; fine if there is none.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/session#delete-session>
    ///
    /// Errors: see [`Error`].
    pub async fn destroy(&self, id: &SessionId) -> Result<(), Error> {
        self.0.put("session/destroy/", id.as_str())?.in_datacenter().send().await?;
        Ok(())
    }

    /// The session of this id.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/session#read-session>
    ///
    /// Errors: see [`Error`].
    pub async fn find(&self, id: &SessionId, query: &Query) -> Result<Indexed<Option<Session>>, Error> {
        let request = self.0.get("session/info/", id.as_str())?.in_datacenter().query(query);
        let answer = request.send().await?;
        let mut sessions = answer.indexed_list::<Vec<Session>>()?;
        let session = sessions.value.pop();
        answer.indexed(session)
    }
}

fn from_nanoseconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_nanos)
}
