//! What mutual TLS adds to a call and to a connection: the time that both sides work, against plain text.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has failed")]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::{net::SocketAddr, thread, time::Duration};

use discovery::Registry;
use futures::{StreamExt, stream};
use identity::{
    Mesh,
    mesh::{Listener, Protocol},
};
use rpc::{Channel, Client, ClientConfig, Server, ServerConfig};
use rustix::time::{ClockId, clock_gettime};
use testkit::{Authority, authority::services};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime,
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const ROUNDS: usize = 21;
const CALLS: u32 = 5_000;
const CONNECTIONS: u32 = 200;

/// One way to speak: who calls, and where it is answered.
struct Way {
    mesh: Mesh,
    greeter: SocketAddr,
    channel: Channel,
}

fn main() {
    let authority = Authority::new();
    runtime().block_on(async {
        let plain = Way::open(Mesh::plain(), Mesh::plain()).await;
        let secured = Way::open(authority.mesh("gateway"), authority.mesh("bench")).await;
        for at_once in [1, 16] {
            let [plain, secured] = compare(async || [plain.calls(at_once).await, secured.calls(at_once).await]).await;
            let ratio = secured / plain;
            println!(
                "{at_once:2} at once: plain {plain:.1} µs, secured {secured:.1} µs a call, {ratio:.2} times as much"
            );
        }
        let [plain, secured] = compare(async || [plain.connections().await, secured.connections().await]).await;
        println!("a connection: plain {plain:.0} µs, secured {secured:.0} µs");
    });
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

impl Way {
    async fn open(mesh: Mesh, called: Mesh) -> Self {
        let (ready, addresses) = oneshot::channel();
        thread::spawn(move || runtime().block_on(serve(called, ready)));
        let [address, greeter] = addresses.await.unwrap();
        let client = Client::new(&ClientConfig::default(), Registry::in_process(), mesh.clone(), &[]).unwrap();
        let channel = client.channel("bench", &format!("http://{address}").parse().unwrap()).unwrap();
        channel.reachable().await.unwrap();
        Self { mesh, greeter, channel }
    }

    async fn calls(&self, at_once: usize) -> f64 {
        let began = work();
        let calls = stream::iter(0..CALLS).map(|_| {
            let mut client = HealthClient::new(self.channel.clone());
            async move { client.check(HealthCheckRequest::default()).await.unwrap() }
        });
        calls.buffer_unordered(at_once).for_each(|_| async {}).await;
        microseconds((work() - began) / CALLS)
    }

    /// Each until it is used.
    async fn connections(&self) -> f64 {
        let connector = self.mesh.connector("bench", Protocol::Http2);
        let authority = self.greeter.to_string().parse().unwrap();
        let began = work();
        for _ in 0..CONNECTIONS {
            connector.connect(&authority).await.unwrap().read_u8().await.unwrap();
        }
        microseconds((work() - began) / CONNECTIONS)
    }
}

async fn serve(mesh: Mesh, ready: oneshot::Sender<[SocketAddr; 2]>) {
    let acceptor = mesh.acceptor(&services(&["gateway"]), Protocol::Http2);
    let (listener, greeter) = (testkit::listener().await, testkit::listener().await);
    ready.send([listener.1, greeter.1]).unwrap();
    tokio::spawn(greet(Listener::new(greeter.0, acceptor.clone())));
    let server = Server::new(&ServerConfig::default(), tonic_health::pb::FILE_DESCRIPTOR_SET).behind(acceptor);
    server.serve(listener.0, CancellationToken::new()).await.unwrap();
}

/// A server that does nothing but let callers in.
async fn greet(mut listener: Listener) {
    loop {
        let (mut stream, _) = listener.accept().await;
        stream.write_u8(b'!').await.unwrap();
        stream.flush().await.unwrap();
    }
}

/// In turns, so that whatever else the machine does disturbs both: the median of each.
async fn compare(measure: impl AsyncFn() -> [f64; 2]) -> [f64; 2] {
    // The first is for warming up.
    measure().await;
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        let [plain, secured] = measure().await;
        rounds[0].push(plain);
        rounds[1].push(secured);
    }
    rounds.map(|mut values| {
        values.sort_by(f64::total_cmp);
        values[ROUNDS / 2]
    })
}

/// What this process has worked so far, in user and in kernel mode.
fn work() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap()
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
