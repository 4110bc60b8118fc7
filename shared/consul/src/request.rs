//! A call on its way: its path, its parameters, its deadline.

use std::{fmt::Write as _, time::Duration};

use reqwest::{Method, RequestBuilder};
use serde::Serialize;

use crate::{Client, Consistency, Error, Query, answer::Answer, wire};

/// For all but the waiting of a blocking query: an agent answers in milliseconds.
const TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) struct Request<'a> {
    client: &'a Client,
    builder: RequestBuilder,
    timeout: Duration,
}

impl Client {
    /// A call of `/v1/` + `endpoint` + `name`; the name is encoded, the endpoint is not.
    pub(crate) fn request(&self, method: Method, endpoint: &str, name: &str) -> Result<Request<'_>, Error> {
        let mut url = self.inner.url.clone();
        let prefix = url.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/v1/{endpoint}{}", encode(name)?));
        Ok(Request { client: self, builder: self.inner.http.request(method, url), timeout: TIMEOUT })
    }

    pub(crate) fn get(&self, endpoint: &str, name: &str) -> Result<Request<'_>, Error> {
        self.request(Method::GET, endpoint, name)
    }

    pub(crate) fn put(&self, endpoint: &str, name: &str) -> Result<Request<'_>, Error> {
        self.request(Method::PUT, endpoint, name)
    }
}

impl Request<'_> {
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.query(&[(name, value)]);
        self
    }

    /// For calls that are about a datacenter, not about the agent.
    pub fn in_datacenter(self) -> Self {
        match &self.client.inner.datacenter {
            Some(datacenter) => self.parameter("dc", datacenter),
            None => self,
        }
    }

    pub fn query(self, query: &Query) -> Self {
        let mut request = match query.consistency {
            Consistency::Default => self,
            Consistency::Stale => self.parameter("stale", "true"),
            Consistency::Consistent => self.parameter("consistent", "true"),
        };
        request.timeout += query.patience();
        match query.block() {
            Some((index, wait)) => {
                request.parameter("index", &index.to_string()).parameter("wait", &wire::duration(wait))
            }
            None => request,
        }
    }

    pub fn json(mut self, body: &impl Serialize) -> Self {
        self.builder = self.builder.json(body);
        self
    }

    pub fn body(mut self, body: &[u8]) -> Self {
        self.builder = self.builder.body(body.to_owned());
        self
    }

    pub async fn send(self) -> Result<Answer, Error> {
        let response = self.builder.timeout(self.timeout).send().await.map_err(Error::sending)?;
        Answer::read(response, self.client.inner.token.as_ref()).await
    }
}

/// Percent-encodes everything but slashes and what RFC 3986 (section 2.3) leaves alone.
fn encode(name: &str) -> Result<String, Error> {
    let (path, last) = name.rsplit_once('/').unwrap_or((name, name));
    let walks = |segment: &str| matches!(segment, "." | "..");
    // Consul would redirect to a path without such segments, which is another one.
    if walks(last) || path.split('/').any(|it| walks(it) || it.is_empty() && !name.is_empty()) {
        return Err(Error::Unaddressable(name.to_owned()));
    }
    Ok(name.bytes().fold(String::with_capacity(name.len()), |mut encoded, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => encoded.push(byte.into()),
            _ => write!(encoded, "%{byte:02X}").expect("a string takes everything"),
        }
        encoded
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_stay_and_the_rest_is_encoded() {
        assert_eq!(encode("a/b-c_d.e~f").unwrap(), "a/b-c_d.e~f");
        assert_eq!(encode("a b?c=%d#ä\n").unwrap(), "a%20b%3Fc%3D%25d%23%C3%A4%0A");
        assert_eq!(encode("folder/").unwrap(), "folder/");
        assert_eq!(encode("").unwrap(), "");
        assert_eq!(encode("...").unwrap(), "...");
    }

    #[test]
    fn a_name_that_walks_the_path_is_refused() {
        for name in ["/", "/a", "a//b", ".", "..", "a/./b", "a/..", "../a", "a//"] {
            assert!(matches!(encode(name), Err(Error::Unaddressable(_))), "{name}");
        }
    }
}
