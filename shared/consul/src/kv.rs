//! `/v1/kv`: the key/value store, with compare-and-set and locks.

use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::Method;
use serde::{Deserialize, Deserializer, de};

use crate::{Client, Error, Indexed, Query, SessionId, request::Request};

/// Calls about the key/value store. <https://developer.hashicorp.com/consul/api-docs/kv>
///
/// A key is any text without `.`, `..` or empty segments between its slashes, which would be [`Error::Unaddressable`];
/// a value is up to 512 KiB, more is [`Error::Refused`] with status 413.
#[derive(Clone, Copy, Debug)]
pub struct Kv<'a>(pub(crate) &'a Client);

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Pair {
    /// The whole key.
    pub key: String,
    /// The value as it was put.
    #[serde(deserialize_with = "from_base64")]
    pub value: Vec<u8>,
    /// A number that clients may give a meaning to.
    pub flags: u64,
    /// The session that holds the lock, if one does.
    #[serde(default)]
    pub session: Option<SessionId>,
    /// How often the lock has been taken.
    pub lock_index: u64,
    /// The index at which the key was created.
    pub create_index: u64,
    /// The index at which it was last changed: what [`Kv::compare_and_set`] compares.
    pub modify_index: u64,
}

impl<'a> Kv<'a> {
    /// The value of a key; `None`, with an index to wait with, where there is none.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/kv#read-key>
    ///
    /// Errors: see [`Error`]; [`Error::Denied`] without the right `key:read`.
    pub async fn get(&self, key: &str, query: &Query) -> Result<Indexed<Option<Pair>>, Error> {
        let answer = self.0.get("kv/", key)?.in_datacenter().query(query).send().await?;
        let mut pairs = answer.indexed_list::<Vec<Pair>>()?;
        let pair = pairs.value.pop();
        answer.indexed(pair)
    }

    /// All keys with this beginning, sorted; those that the token may not read are left out.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/kv#read-key>
    ///
    /// Errors: see [`Error`].
    pub async fn list(&self, prefix: &str, query: &Query) -> Result<Indexed<Vec<Pair>>, Error> {
        let request = self.0.get("kv/", prefix)?.in_datacenter().query(query);
        request.parameter("recurse", "true").send().await?.indexed_list()
    }

    /// Puts a value, whatever was there.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/kv#create-update-key>
    ///
    /// Errors: see [`Error`]; [`Error::Denied`] without the right `key:write`.
    pub async fn put(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        must_be_done(self.0.put("kv/", key)?.body(value)).await
    }

    /// Puts a value if the key was last changed at `modify_index`, 0 meaning that there is none; whether it was put.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/kv#create-update-key>, parameter `cas`
    ///
    /// Errors: as of [`put`](Self::put).
    pub async fn compare_and_set(&self, key: &str, value: &[u8], modify_index: u64) -> Result<bool, Error> {
        is_done(self.0.put("kv/", key)?.parameter("cas", &modify_index.to_string()).body(value)).await
    }

    /// Puts a value and takes the lock of the key; whether that was possible. Who holds it already may do so again.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/kv#create-update-key>, parameter `acquire`
    ///
    /// Errors: as of [`put`](Self::put); [`Error::Refused`] for a session that does not exist.
    pub async fn acquire(&self, key: &str, value: &[u8], session: &SessionId) -> Result<bool, Error> {
        is_done(self.0.put("kv/", key)?.parameter("acquire", session.as_str()).body(value)).await
    }

    /// Puts a value and gives the lock of the key back; false if the session does not hold it.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/kv#create-update-key>, parameter `release`
    ///
    /// Errors: as of [`put`](Self::put).
    pub async fn release(&self, key: &str, value: &[u8], session: &SessionId) -> Result<bool, Error> {
        is_done(self.0.put("kv/", key)?.parameter("release", session.as_str()).body(value)).await
    }

    /// Deletes a key; fine if there is none.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/kv#delete-key>
    ///
    /// Errors: as of [`put`](Self::put).
    pub async fn delete(&self, key: &str) -> Result<(), Error> {
        must_be_done(self.delete_request(key)?).await
    }

    /// Deletes a key if it was last changed at `modify_index`; whether it is gone. 0 deletes nothing.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/kv#delete-key>, parameter `cas`
    ///
    /// Errors: as of [`put`](Self::put).
    pub async fn compare_and_delete(&self, key: &str, modify_index: u64) -> Result<bool, Error> {
        is_done(self.delete_request(key)?.parameter("cas", &modify_index.to_string())).await
    }

    /// Deletes all keys with this beginning, which are all keys if it is empty.
    ///
    /// <https://developer.hashicorp.com/consul/api-docs/kv#delete-key>, parameter `recurse`
    ///
    /// Errors: as of [`put`](Self::put).
    pub async fn delete_prefix(&self, prefix: &str) -> Result<(), Error> {
        must_be_done(self.delete_request(prefix)?.parameter("recurse", "true")).await
    }

    fn delete_request(&self, key: &str) -> Result<Request<'a>, Error> {
        self.0.request(Method::DELETE, "kv/", key)
    }
}

async fn is_done(request: Request<'_>) -> Result<bool, Error> {
    request.in_datacenter().send().await?.found()?.json()
}

async fn must_be_done(request: Request<'_>) -> Result<(), Error> {
    if is_done(request).await? { Ok(()) } else { Err(Error::garbled("it says no to a write without a condition")) }
}

/// An empty value is `null`.
fn from_base64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text: Option<String> = Option::deserialize(deserializer)?;
    STANDARD.decode(text.unwrap_or_default()).map_err(de::Error::custom)
}
