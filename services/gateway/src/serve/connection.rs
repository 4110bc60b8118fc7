//! One connection: its handshake, its requests, and its end.

use std::{convert::Infallible, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{ConnectInfo, Request},
    http::{Response, uri::Scheme},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto::Builder,
};
use rpc::Lingering;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    select,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use super::{
    activity::{Activity, Answer, Exchange, Heard, Overdue},
    certificate::Certificate,
};
use crate::{client_address::Network, seats::Seat, streams::Leaving};

/// A handshake is two short messages each way.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// The head of a request, in bytes: a token has some 700, and a browser's cookies are none of ours. A longer one is
/// answered with 431, and so are more than 100 headers.
const MAX_HEAD: usize = 16 * 1024;

/// Streams that one connection may have open at a time; browsers open as many.
const MAX_STREAMS: u32 = 128;

/// Streams that a client may open and reset before anybody has looked at them; beyond, the connection is closed
/// (CVE-2023-44487, "rapid reset").
const MAX_RESETS: usize = 32;

/// The same for streams that we reset because of the client's errors.
const MAX_ERROR_RESETS: usize = 128;

/// What a client may send before we have read it: the longest body, of one request and of some at once.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// What we keep of one answer before the client has taken it.
const SEND_BUFFER: usize = 64 * 1024;

/// A client of HTTP/2 that says nothing is asked whether it is alive after this, …
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);

/// … and its connection is closed when there is no answer within this.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// What all connections share.
pub struct Server {
    http: Builder<TokioExecutor>,
    router: Router,
    certificate: Option<Arc<Certificate>>,
    shutdown: CancellationToken,
}

impl Server {
    pub fn new(router: Router, certificate: Option<Arc<Certificate>>, shutdown: CancellationToken) -> Self {
        Self { http: http(), router, certificate, shutdown }
    }

    /// From the first byte to the last. Nobody is told how it ended: the client's mistakes are no news.
    pub async fn serve(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, _seat: Seat<Network>) {
        // What is written at once is an answer, or a part of one that somebody waits for.
        let _ = stream.set_nodelay(true);
        let stream = Lingering::from(stream);
        let Some(certificate) = &self.certificate else {
            return self.answer(stream, peer, Scheme::HTTP).await;
        };
        if let Ok(Ok(stream)) = timeout(HANDSHAKE_TIMEOUT, certificate.handshake(stream)).await {
            self.answer(stream, peer, Scheme::HTTPS).await;
        }
    }

    async fn answer(&self, stream: impl AsyncRead + AsyncWrite + Unpin + 'static, peer: SocketAddr, scheme: Scheme) {
        let activity = Activity::begin();
        let stream = TokioIo::new(Heard { stream, activity: activity.clone() });
        let (router, requests, leaving) = (self.router.clone(), activity.clone(), Leaving(self.shutdown.clone()));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(scheme.clone());
            request.extensions_mut().insert(leaving.clone());
            respond(router.clone(), requests.request(request.version()), request)
        });
        let mut connection = pin!(self.http.serve_connection(stream, service));
        let mut is_leaving = false;
        loop {
            let overdue = select! {
                biased;
                _ = connection.as_mut() => return,
                () = self.shutdown.cancelled(), if !is_leaving => Overdue::Idle,
                overdue = activity.overdue() => overdue,
            };
            if is_leaving || overdue == Overdue::Slow {
                return;
            }
            // What is in flight is finished. HTTP/1 then closes; HTTP/2 says before that it takes nothing more.
            connection.as_mut().graceful_shutdown();
            activity.leave();
            is_leaving = true;
        }
    }
}

async fn respond(
    mut router: Router,
    exchange: Exchange,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    Ok(router.call(request).await?.map(|body| Answer::new(body, exchange)))
}

fn http() -> Builder<TokioExecutor> {
    let mut http = Builder::new(TokioExecutor::new());
    // We have a clock of our own for heads, which tells a slow one from an idle connection.
    http.http1().header_read_timeout(None).max_buf_size(MAX_HEAD);
    http.http2()
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD as u32)
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_local_error_reset_streams(MAX_ERROR_RESETS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT);
    http
}
