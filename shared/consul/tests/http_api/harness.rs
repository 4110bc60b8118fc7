//! What the tests share: clients, services to register, a server that answers what it is told, waiting for a state.

use std::{sync::Arc, time::Duration};

use consul::{CheckStatus, Client, Config, Error, NewCheck, NewService, Probe};
use testkit::Consul;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

/// For a state to come about on a slow machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub fn config(url: &str) -> Config {
    Config { url: url.parse().unwrap(), token: None, ca_certificate: None, datacenter: None }
}

pub fn client(url: &str) -> Client {
    Client::new(&config(url)).unwrap()
}

/// A Consul of the test's own, and a client of it; `None` where Consul is not installed.
pub async fn start() -> Option<(Consul, Client)> {
    let consul = Consul::start().await?;
    let client = client(&consul.url());
    Some((consul, client))
}

/// An instance of the service `web`, reached at port 80, that is well.
pub fn web(id: &str) -> NewService {
    NewService { id: id.to_owned(), name: "web".to_owned(), port: 80, ..NewService::default() }
}

/// A check that somebody has to look after, and that passes until they should have.
pub fn ttl(id: &str) -> NewCheck {
    NewCheck {
        id: Some(id.to_owned()),
        name: "looked after".to_owned(),
        probe: Probe::Ttl { ttl: Duration::from_secs(60) },
        status: Some(CheckStatus::Passing),
        deregister_critical_service_after: None,
    }
}

/// Asks until the answer is yes.
pub async fn eventually(what: &str, mut ask: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ask().await {
        assert!(Instant::now() < deadline, "{what} did not come about");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The URL of a server that answers every request with these bytes, and then closes the connection.
pub async fn answering(bytes: impl Into<Vec<u8>>) -> String {
    let bytes: Arc<[u8]> = bytes.into().into();
    serving(move |mut stream: TcpStream| {
        let bytes = Arc::clone(&bytes);
        async move {
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await
}

/// The URL of a server that does this with every connection, when it has got the request.
pub async fn serving<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            tokio::spawn(serve(stream));
        }
    });
    url
}

/// An answer in HTTP with an index and this body.
pub fn ok(body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\nContent-Length: {length}\r\n\r\n{body}")
}

/// An answer of this status line and body.
pub fn refusal(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// The error of a call that must fail, and soon: a hang is a failure too.
pub async fn error<T>(call: impl Future<Output = Result<T, Error>>) -> Error {
    match timeout(PATIENCE, call).await.expect("the call hangs") {
        Ok(_) => panic!("the call succeeds"),
        Err(error) => error,
    }
}
