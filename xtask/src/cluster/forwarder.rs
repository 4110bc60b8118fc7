//! A port of the drill's own in front of something, or instead of it: it relays, at once or late, refuses, hangs
//! up, or says nothing.

use std::{
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    select,
    sync::mpsc::unbounded_channel,
    task::JoinSet,
    time::{Instant, sleep_until},
    try_join,
};

pub struct Forwarder {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    /// The listener and its connections, which end with it.
    serving: JoinSet<()>,
}

/// What becomes of a connection.
#[derive(Clone, Copy)]
enum Treatment {
    Relay { to: SocketAddr, delay: Duration },
    HangUp,
    Ignore,
}

impl Forwarder {
    /// Refuses, until it is told otherwise.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, accepted: Arc::default(), serving: JoinSet::new() }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Relays connections; what comes back is held for `delay`.
    pub async fn relay(&mut self, to: SocketAddr, delay: Duration) -> anyhow::Result<()> {
        self.treat(Treatment::Relay { to, delay }).await
    }

    /// Ends every connection, and each new one as soon as it is accepted.
    pub async fn hang_up(&mut self) -> anyhow::Result<()> {
        self.treat(Treatment::HangUp).await
    }

    /// Accepts connections, reads nothing and says nothing, as what hangs does.
    pub async fn ignore(&mut self) -> anyhow::Result<()> {
        self.treat(Treatment::Ignore).await
    }

    /// Ends every connection; nobody listens any more.
    pub async fn refuse(&mut self) {
        self.serving.shutdown().await;
    }

    async fn treat(&mut self, treatment: Treatment) -> anyhow::Result<()> {
        self.refuse().await;
        let listener = TcpListener::bind(self.address).await;
        let listener = listener.with_context(|| format!("cannot listen on {}", self.address))?;
        self.serving.spawn(serve(listener, treatment, self.accepted.clone()));
        Ok(())
    }
}

async fn serve(listener: TcpListener, treatment: Treatment, accepted: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::Relaxed);
        match treatment {
            Treatment::Relay { to, delay } => drop(connections.spawn(relay(client, to, delay))),
            Treatment::HangUp => refuse(&client),
            Treatment::Ignore => drop(connections.spawn(hold(client))),
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Has the connection end with a reset, which is what comes from where nobody listens, instead of a farewell.
fn refuse(client: &TcpStream) {
    // What fails here has ended already.
    let _ = client.set_zero_linger();
}

async fn hold(_client: TcpStream) {
    pending().await
}

/// Until one of the two ends it; how it ended on the other side is how it ends for the client.
async fn relay(mut client: TcpStream, to: SocketAddr, delay: Duration) {
    if pass_on(&mut client, to, delay).await.is_err() {
        refuse(&client);
    }
}

async fn pass_on(client: &mut TcpStream, to: SocketAddr, delay: Duration) -> io::Result<()> {
    let mut server = TcpStream::connect(to).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    if delay.is_zero() {
        select! {
            ended = copy(&mut from_client, &mut to_server) => ended.map(drop),
            ended = copy(&mut from_server, &mut to_client) => ended.map(drop),
        }
    } else {
        select! {
            ended = copy(&mut from_client, &mut to_server) => ended.map(drop),
            ended = copy_late(from_server, to_client, delay) => ended,
        }
    }
}

/// Every byte arrives `delay` later; how many arrive in a second stays the same.
async fn copy_late(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, delay: Duration) -> io::Result<()> {
    let (held, mut due) = unbounded_channel();
    let read = async move {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let length = from.read(&mut buffer).await?;
            let bytes = buffer[..length].to_vec();
            if length == 0 || held.send((Instant::now() + delay, bytes)).is_err() {
                return Ok(());
            }
        }
    };
    let write = async {
        while let Some((time, bytes)) = due.recv().await {
            sleep_until(time).await;
            to.write_all(&bytes).await?;
        }
        Ok(())
    };
    try_join!(read, write).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that answers with what it is sent.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let (mut from, mut to) = client.split();
                    copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    async fn forwarder() -> Forwarder {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Forwarder::at(free.local_addr().unwrap())
    }

    async fn ask(address: SocketAddr) -> io::Result<[u8; 4]> {
        let mut connection = TcpStream::connect(address).await?;
        connection.write_all(b"ping").await?;
        let mut answer = [0; 4];
        connection.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn an_answer_is_held_for_the_delay() {
        let (mut forwarder, delay) = (forwarder().await, Duration::from_millis(30));
        forwarder.relay(echo().await, delay).await.unwrap();
        let began = Instant::now();
        assert_eq!(&ask(forwarder.address()).await.unwrap(), b"ping");
        assert!(began.elapsed() >= delay);
    }

    #[tokio::test]
    async fn connections_end_when_it_refuses_and_come_back_when_it_relays() {
        let (mut forwarder, echo) = (forwarder().await, echo().await);
        forwarder.relay(echo, Duration::ZERO).await.unwrap();
        let mut connection = TcpStream::connect(forwarder.address()).await.unwrap();
        forwarder.refuse().await;
        assert!(matches!(connection.read(&mut [0; 1]).await, Ok(0) | Err(_)));
        assert_eq!(ask(forwarder.address()).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        forwarder.relay(echo, Duration::ZERO).await.unwrap();
        assert!(ask(forwarder.address()).await.is_ok());
    }

    #[tokio::test]
    async fn whom_it_hangs_up_on_is_counted() {
        let mut forwarder = forwarder().await;
        forwarder.hang_up().await.unwrap();
        for _ in 0..3 {
            assert!(ask(forwarder.address()).await.is_err());
        }
        assert_eq!(forwarder.accepted(), 3);
    }
}
