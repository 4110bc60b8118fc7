//! Sits between a service and PostgreSQL, and writes down what the service asks for, by round trips.

mod protocol;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    select,
    task::JoinSet,
};

use self::protocol::Session;
pub use self::protocol::{Reader, Statement};

pub struct Wire {
    address: SocketAddr,
    log: Log,
    _serving: JoinSet<()>,
}

/// What a client sent before it waited for an answer.
#[derive(Clone, Debug, Default)]
pub struct Trip {
    pub connection: usize,
    /// Those that were executed; what was only prepared is not among them.
    pub statements: Vec<Statement>,
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<Trip>>>);

impl Log {
    /// To a trip that has begun, or to a new one; tells which it is.
    fn add(&self, trip: Option<usize>, connection: usize, statements: Vec<Statement>) -> usize {
        let mut trips = self.trips();
        let number = trip.unwrap_or_else(|| {
            trips.push(Trip { connection, statements: Vec::new() });
            trips.len() - 1
        });
        trips[number].statements.extend(statements);
        number
    }

    fn trips(&self) -> MutexGuard<'_, Vec<Trip>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wire {
    pub async fn to(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, log, mut serving) = (listener.local_addr()?, Log::default(), JoinSet::new());
        serving.spawn(serve(listener, server, log.clone()));
        Ok(Self { address, log, _serving: serving })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For [`since`](Self::since).
    pub fn now(&self) -> usize {
        self.log.trips().len()
    }

    /// The round trips that have begun since then and that executed something.
    pub fn since(&self, then: usize) -> Vec<Trip> {
        self.log.trips()[then..].iter().filter(|trip| !trip.statements.is_empty()).cloned().collect()
    }
}

async fn serve(listener: TcpListener, server: SocketAddr, log: Log) {
    let (mut connections, mut number) = (JoinSet::new(), 0);
    while let Ok((client, _)) = listener.accept().await {
        number += 1;
        connections.spawn(relay(client, server, number, log.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Until one of the two ends it. What fails ends it for both.
async fn relay(mut client: TcpStream, server: SocketAddr, number: usize, log: Log) -> std::io::Result<()> {
    let mut server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let (mut session, mut trip) = (Session::default(), None);
    loop {
        // One after the other, so that nobody's answer is overtaken by the next question.
        select! {
            length = client.read(&mut asked) => {
                let bytes = &asked[..length?];
                if bytes.is_empty() {
                    return Ok(());
                }
                let statements = session.read(bytes);
                trip = Some(log.add(trip, number, statements));
                server.write_all(bytes).await?;
            }
            length = server.read(&mut answered) => {
                let bytes = &answered[..length?];
                if bytes.is_empty() {
                    return Ok(());
                }
                trip = None;
                client.write_all(bytes).await?;
            }
        }
    }
}
