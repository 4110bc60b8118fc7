//! An answer that has arrived: its status judged, its size limited, its headers and its JSON read.

use std::{mem, str::FromStr, time::Duration};

use reqwest::{Response, StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;
use settings::Secret;

use crate::{Error, Indexed};

/// More than any answer of Consul's that a service can want; what is longer is not read on.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// How much of Consul's own words an error shows, in characters.
const MESSAGE_LENGTH: usize = 200;

/// An answer of success, or one that says that there is no such thing.
pub(crate) struct Answer {
    /// Consul's words, where it says that there is no such thing.
    absent: Option<String>,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// Errors: the answer cannot be read, or is a refusal other than 404.
    pub async fn read(mut response: Response, token: Option<&Secret>) -> Result<Self, Error> {
        let status = response.status();
        let body = read_body(&mut response).await?;
        let headers = mem::take(response.headers_mut());
        if status.is_success() {
            return Ok(Self { absent: None, headers, body });
        }
        let message = message(&body, token);
        Err(match status {
            StatusCode::NOT_FOUND => return Ok(Self { absent: Some(message), headers, body }),
            StatusCode::FORBIDDEN => Error::Denied(message),
            // Consul 1.8 says so, with 500, of a TTL check that it does not know.
            _ if message.contains("does not have associated TTL") => Error::NotFound(message),
            _ => Error::Refused { status: status.as_u16(), message },
        })
    }

    /// Errors: there is no such thing.
    pub fn found(self) -> Result<Self, Error> {
        match self.absent {
            Some(message) => Err(Error::NotFound(message)),
            None => Ok(self),
        }
    }

    /// `None` where there is no such thing.
    pub fn if_found(self) -> Option<Self> {
        self.absent.is_none().then_some(self)
    }

    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(Error::garbled)
    }

    /// A list, of which some versions say `null` when it is empty.
    pub fn list<T: DeserializeOwned + Default>(&self) -> Result<T, Error> {
        Ok(self.json::<Option<T>>()?.unwrap_or_default())
    }

    /// The list of what was asked for, empty where there is no such thing, with its index.
    pub fn indexed_list<T: DeserializeOwned + Default>(&self) -> Result<Indexed<T>, Error> {
        self.indexed(if self.absent.is_some() { T::default() } else { self.list()? })
    }

    /// The value, with what the headers say of its state.
    pub fn indexed<T>(&self, value: T) -> Result<Indexed<T>, Error> {
        let index = self.header("x-consul-index")?.ok_or_else(|| Error::garbled("it has no X-Consul-Index"))?;
        let known_leader = self.header("x-consul-knownleader")?;
        let last_contact = self.header("x-consul-lastcontact")?.map(Duration::from_millis);
        Ok(Indexed { value, index, known_leader, last_contact })
    }

    fn header<T: FromStr>(&self, name: &str) -> Result<Option<T>, Error> {
        let Some(value) = self.headers.get(name) else { return Ok(None) };
        let value = value.to_str().ok().and_then(|text| text.parse().ok());
        value.map(Some).ok_or_else(|| Error::garbled(format!("its header {name} has no such value")))
    }
}

async fn read_body(response: &mut Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::reading)? {
        if body.len() + chunk.len() > BODY_LIMIT {
            return Err(Error::garbled(format!("it is longer than {BODY_LIMIT} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The beginning of a text; whoever echoes the token does not get it into an error.
fn message(body: &[u8], token: Option<&Secret>) -> String {
    let mut text = String::from_utf8_lossy(body).into_owned();
    if let Some(token) = token.map(Secret::expose).filter(|token| !token.is_empty()) {
        text = text.replace(token, "…");
    }
    text.trim().chars().take(MESSAGE_LENGTH).collect()
}
