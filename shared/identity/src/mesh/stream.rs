//! A connection, secured or not, and who is at its other end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper_util::client::legacy::connect::{Connected as HttpConnected, Connection};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::TlsStream;
use tonic::transport::server::Connected;

use super::{spiffe_id::SpiffeId, verify::identify};

/// A connection over `IO`.
pub struct Stream<IO> {
    way: Way<IO>,
    peer: Option<SpiffeId>,
}

enum Way<IO> {
    Plain(IO),
    // It has buffers of its own.
    Secured(Box<TlsStream<IO>>),
}

/// What is known of a connection.
#[derive(Clone, Debug)]
pub struct PeerInfo<T> {
    /// What is known without TLS.
    pub connection: T,
    /// Who is at the other end, where that is proven.
    pub peer: Option<SpiffeId>,
}

impl<IO> Stream<IO> {
    pub(super) fn plain(io: IO) -> Self {
        Self { way: Way::Plain(io), peer: None }
    }

    pub(super) fn secured(stream: TlsStream<IO>) -> Self {
        let (_, session) = stream.get_ref();
        let peer = session.peer_certificates().and_then(|chain| identify(chain.first()?).ok());
        Self { way: Way::Secured(Box::new(stream)), peer }
    }

    /// Who is at the other end, where that is proven.
    pub fn peer(&self) -> Option<&SpiffeId> {
        self.peer.as_ref()
    }

    fn io(&self) -> &IO {
        match &self.way {
            Way::Plain(io) => io,
            Way::Secured(stream) => stream.get_ref().0,
        }
    }
}

/// For servers of tonic: their handlers find a [`PeerInfo`] among the extensions of a request.
impl<IO: Connected> Connected for Stream<IO> {
    type ConnectInfo = PeerInfo<IO::ConnectInfo>;

    fn connect_info(&self) -> Self::ConnectInfo {
        PeerInfo { connection: self.io().connect_info(), peer: self.peer.clone() }
    }
}

/// For clients of hyper.
impl Connection for Stream<TcpStream> {
    fn connected(&self) -> HttpConnected {
        self.io().connected()
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for Stream<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Plain(io) => Pin::new(io).poll_read(cx, buffer),
            Way::Secured(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Stream<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.way {
            Way::Plain(io) => Pin::new(io).poll_write(cx, bytes),
            Way::Secured(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.way {
            Way::Plain(io) => Pin::new(io).poll_write_vectored(cx, bytes),
            Way::Secured(stream) => Pin::new(stream).poll_write_vectored(cx, bytes),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.way {
            Way::Plain(io) => io.is_write_vectored(),
            Way::Secured(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Plain(io) => Pin::new(io).poll_flush(cx),
            Way::Secured(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.way {
            Way::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Way::Secured(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
