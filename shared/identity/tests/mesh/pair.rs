//! A service that is called, and how it is called.

use std::{io, net::SocketAddr};

use identity::{
    Mesh,
    mesh::{Listener, Protocol, Stream},
};
use testkit::authority::services;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// A service that greets who may call it, by name: the gateway and orders.
pub async fn serve(mesh: &Mesh) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut listener: Listener =
        Listener::new(listener, mesh.acceptor(&services(&["gateway", "orders"]), Protocol::Http1));
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await;
            tokio::spawn(greet(stream));
        }
    });
    address
}

async fn greet(mut stream: Stream<TcpStream>) -> io::Result<()> {
    let name = stream.peer().map_or("somebody", |peer| peer.service().as_str()).to_owned();
    // First it listens, as a server does.
    stream.read_u8().await?;
    stream.write_all(format!("hello {name}").as_bytes()).await?;
    stream.shutdown().await
}

/// Calls whatever is there as the service `users`.
pub async fn call(mesh: &Mesh, address: SocketAddr) -> io::Result<String> {
    converse(mesh.connector("users", Protocol::Http1).connect(&address.to_string().parse().unwrap()).await?).await
}

/// Says a word, and returns what is answered.
pub async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    stream.write_u8(b'!').await?;
    stream.flush().await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
