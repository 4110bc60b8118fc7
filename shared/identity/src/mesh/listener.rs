//! An open port whose callers prove who they are, several at a time.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    select,
    task::JoinSet,
    time::sleep,
};

use super::{Acceptor, Stream};

/// So many may be about to prove themselves; others wait in the system's queue.
const MAX_HANDSHAKES: usize = 256;

/// When there are no more files to be opened, it helps to wait for some to be closed.
const PAUSE: Duration = Duration::from_secs(1);

/// Accepts connections. Who takes its time holds nobody up; who fails is not heard of. Dropping it ends what has not yet
/// become a connection.
pub struct Listener<IO = TcpStream> {
    listener: TcpListener,
    acceptor: Acceptor,
    handshakes: JoinSet<Option<(Stream<IO>, SocketAddr)>>,
}

impl<IO> Listener<IO>
where
    IO: From<TcpStream> + AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    /// Accepts at this port.
    pub fn new(listener: TcpListener, acceptor: Acceptor) -> Self {
        Self { listener, acceptor, handshakes: JoinSet::new() }
    }

    /// The next connection. Nothing is lost when the future is dropped.
    pub async fn accept(&mut self) -> (Stream<IO>, SocketAddr) {
        loop {
            select! {
                accepted = self.listener.accept(), if self.handshakes.len() < MAX_HANDSHAKES => match accepted {
                    Ok((stream, from)) => self.begin(stream, from),
                    Err(error) => recover(&error).await,
                },
                Some(ended) = self.handshakes.join_next() => if let Ok(Some(connection)) = ended {
                    return connection;
                },
            }
        }
    }

    fn begin(&mut self, stream: TcpStream, from: SocketAddr) {
        let acceptor = self.acceptor.clone();
        self.handshakes.spawn(async move {
            // Who is gone already has no use for it.
            stream.set_nodelay(true).ok()?;
            let stream = acceptor.accept(IO::from(stream), from).await.ok()?;
            Some((stream, from))
        });
    }
}

/// A connection that is gone before it was accepted is nobody's trouble.
async fn recover(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "no connection can be accepted");
        sleep(PAUSE).await;
    }
}

impl axum::serve::Listener for Listener {
    type Io = Stream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        self.accept().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
