//! The way to another service: a channel with a deadline on every call and one meaning for each failure.

use std::{error::Error as _, fmt, str::FromStr, time::Duration};

use http::{Request, Response, Uri};
use thiserror::Error;
use tonic::{Status, TimeoutExpired, body::Body, transport};
use tower::{Service, ServiceBuilder, ServiceExt, util::BoxCloneSyncService};

use crate::{deadline, status};

/// What a generated client is built on.
pub type Channel = BoxCloneSyncService<Request<Body>, Response<Body>, Status>;

/// A call that nothing else limits may take this long.
const DEFAULT_LIMIT: Duration = Duration::from_secs(5);

/// An address that does not answer by then is as good as refused.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Where another service is, as a URL: `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer(Uri);

/// A URL that names no peer.
#[derive(Debug, Error)]
#[error("a peer is a URL like http://host:port")]
pub struct PeerError;

impl Peer {
    /// Its scheme and authority.
    pub fn uri(&self) -> &Uri {
        &self.0
    }
}

impl FromStr for Peer {
    type Err = PeerError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri: Uri = text.parse().map_err(|_| PeerError)?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none();
        match (uri.scheme_str(), uri.port(), bare) {
            (Some("http"), Some(_), true) => Ok(Self(uri)),
            _ => Err(PeerError),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A channel to this peer. It connects when it is first used and again whenever it has to.
pub fn connect(peer: &Peer) -> Channel {
    let endpoint = transport::Endpoint::from(peer.0.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(Duration::from_secs(10))
        .keep_alive_timeout(Duration::from_secs(5));
    let channel = ServiceBuilder::new().map_err(failed).service(endpoint.connect_lazy());
    let limited = tower::service_fn(move |request| limit(channel.clone(), request));
    BoxCloneSyncService::new(limited)
}

/// Tells the server how long we wait, and waits no longer, whatever the transport does.
async fn limit<S>(channel: S, mut request: Request<Body>) -> Result<Response<Body>, Status>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Status>,
{
    let limit = deadline::remaining().map_or(DEFAULT_LIMIT, |left| left.min(DEFAULT_LIMIT));
    request.headers_mut().insert(deadline::GRPC_TIMEOUT, deadline::format(limit));
    match deadline::within(limit, channel.oneshot(request)).await {
        Ok(answer) => answer,
        Err(_) => Err(Status::deadline_exceeded("the deadline is over")),
    }
}

/// A transport that fails means that the service cannot be reached, or not in time: tonic itself calls it CANCELLED,
/// UNKNOWN or INTERNAL, depending on the moment.
fn failed(error: transport::Error) -> Status {
    let mut causes = std::iter::successors(error.source(), |cause| (*cause).source());
    match causes.any(|cause| cause.is::<TimeoutExpired>()) {
        true => status::caused_by(Status::deadline_exceeded("the deadline is over"), error),
        false => status::caused_by(status::unavailable("the service cannot be reached"), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_a_url_with_a_host_and_a_port() {
        assert!("http://users:50051".parse::<Peer>().is_ok());
        assert!("http://[::1]:50051/".parse::<Peer>().is_ok());
    }

    #[test]
    fn anything_else_is_no_peer() {
        for nonsense in
            ["", "users:50051", "http://users", "https://users:1", "http://users:1/path", "ftp://a:1", "http://:"]
        {
            assert!(nonsense.parse::<Peer>().is_err(), "{nonsense}");
        }
    }
}
