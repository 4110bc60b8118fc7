//! One HTTP/2 connection to one instance, and what its failures mean.

use std::{error::Error as StdError, sync::Arc, time::Duration};

use http::{
    Request, Response, Uri, Version,
    uri::{Authority, Scheme},
};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use identity::mesh::Connector;
use thiserror::Error;
use tokio::{select, time::timeout};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, body::Body};
use tonic_health::{ServingStatus, pb::HealthCheckRequest, pb::health_client::HealthClient};

use crate::status;

/// An instance that has not answered its first call by then is as good as refused.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that says nothing is asked whether it is alive after this, …
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);

/// … and is given up when there is no answer within this. Together they leave a call that waits for an instance that
/// hangs enough of the usual 5 s to be made again elsewhere.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that was open once.
pub(crate) struct Connection {
    sender: http2::SendRequest<Body>,
    scheme: Scheme,
    authority: Authority,
    closed: CancellationToken,
    given_up: CancellationToken,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub(crate) enum OpenError {
    #[error("no answer within {} s", CONNECT_TIMEOUT.as_secs())]
    TimedOut,
    #[error(transparent)]
    Refused(#[from] std::io::Error),
    #[error("it does not speak HTTP/2")]
    Handshake(#[from] hyper::Error),
    #[error("its health check says: {0}")]
    Unhealthy(Box<Status>),
}

/// What became of a call without an answer.
pub(crate) struct Lost {
    /// What the caller is told, if nobody tries again.
    pub status: Status,
    pub sent: Sent,
    /// The call itself, where it could be had back.
    pub request: Option<Request<Body>>,
}

/// Whether the instance can have acted on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It has not seen it: the connection takes no more calls.
    No,
    /// It has promised not to have acted on it (RFC 9113, section 8.7).
    Refused,
    /// Nobody knows.
    Perhaps,
}

impl Connection {
    /// Connects and makes sure that somebody answers: a process that hangs is connected to as easily as another.
    pub async fn open(authority: &Authority, connector: &Connector) -> Result<Arc<Self>, OpenError> {
        timeout(CONNECT_TIMEOUT, Self::establish(authority, connector)).await.unwrap_or(Err(OpenError::TimedOut))
    }

    async fn establish(authority: &Authority, connector: &Connector) -> Result<Arc<Self>, OpenError> {
        let stream = connector.connect(authority).await?;
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .handshake(TokioIo::new(stream))
            .await?;
        let closed = CancellationToken::new();
        let ended = closed.clone().drop_guard();
        // It ends when the connection does: by itself, or some time after nobody calls any more.
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = status::chain(&error), "a connection has ended");
            }
            drop(ended);
        });
        let (scheme, authority) = (connector.scheme(), authority.clone());
        let connection = Arc::new(Self { sender, scheme, authority, closed, given_up: CancellationToken::new() });
        connection.check().await?;
        Ok(connection)
    }

    /// By `grpc.health.v1`; who does not speak it is healthy as far as we know.
    async fn check(self: &Arc<Self>) -> Result<(), OpenError> {
        let channel = tower::service_fn(|request| async { self.send(request).await.map_err(|lost| lost.status) });
        let answer = HealthClient::new(channel).check(HealthCheckRequest { service: String::new() }).await;
        match answer {
            Ok(answer) if answer.get_ref().status == ServingStatus::Serving as i32 => Ok(()),
            Ok(_) => Err(OpenError::Unhealthy(Box::new(Status::unavailable("not serving")))),
            Err(status) if matches!(status.code(), Code::Unimplemented | Code::NotFound) => Ok(()),
            Err(status) => Err(OpenError::Unhealthy(Box::new(status))),
        }
    }

    /// Waits until it ends or is given up.
    pub async fn over(&self) {
        select! {
            () = self.closed.cancelled() => {}
            () = self.given_up.cancelled() => {}
        }
    }

    /// It is to have no more calls; those that it has go on.
    pub fn give_up(&self) {
        self.given_up.cancel();
    }

    /// Sends a call and waits for the head of its answer.
    pub async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Box<Lost>> {
        *request.uri_mut() = self.target(request.uri());
        *request.version_mut() = Version::HTTP_2;
        self.sender.clone().try_send_request(request).await.map_err(|error| Box::new(Lost::of(error)))
    }

    fn target(&self, uri: &Uri) -> Uri {
        let mut target = uri.clone().into_parts();
        target.scheme = Some(self.scheme.clone());
        target.authority = Some(self.authority.clone());
        Uri::from_parts(target).expect("a scheme, an authority and the path of a call are a URI")
    }
}

impl Lost {
    fn of(mut error: TrySendError<Request<Body>>) -> Self {
        let request = error.take_message();
        let error = error.into_error();
        let sent = if request.is_some() || error.is_canceled() { Sent::No } else { sent(&error) };
        Self { status: meaning(error), sent, request }
    }
}

fn sent(error: &hyper::Error) -> Sent {
    match h2_error(error).filter(|error| error.is_remote()) {
        // The stream is beyond the last one that the peer will look at.
        Some(error) if error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR) => Sent::No,
        Some(error) if error.reason() == Some(h2::Reason::REFUSED_STREAM) => Sent::Refused,
        _ => Sent::Perhaps,
    }
}

/// A stream's own failure has a code of its own; everything else means that the instance cannot be reached.
pub(crate) fn meaning(error: hyper::Error) -> Status {
    let own = h2_error(&error).is_some_and(|error| error.is_reset() && error.is_remote());
    match own && sent(&error) == Sent::Perhaps {
        true => Status::from_error(Box::new(error)),
        false => status::caused_by(status::unavailable("the service cannot be reached"), error),
    }
}

fn h2_error(error: &hyper::Error) -> Option<&h2::Error> {
    let first: &(dyn StdError + 'static) = error;
    let mut causes = std::iter::successors(Some(first), |cause| (*cause).source());
    causes.find_map(|cause| cause.downcast_ref())
}
