//! What a call costs through the client stack, and through a channel of tonic's own: the time that the caller's thread works.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has failed")]
#![allow(clippy::print_stdout, reason = "its result is what it prints")]

use std::{net::SocketAddr, thread, time::Duration};

use discovery::Registry;
use futures::{StreamExt, stream};
use identity::Mesh;
use rpc::{Client, ClientConfig, Server, ServerConfig};
use rustix::time::{ClockId, clock_gettime};
use tokio::{net::TcpListener, runtime, sync::oneshot};
use tokio_util::sync::CancellationToken;
use tonic::{body::Body, client::GrpcService, transport::Endpoint};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

const ROUNDS: usize = 21;
const CALLS: usize = 5_000;

fn main() {
    let (ready, address) = oneshot::channel();
    // A thread of its own, so that its work is not counted.
    thread::spawn(move || runtime().block_on(serve(ready)));
    runtime().block_on(async {
        let address = address.await.unwrap();
        for at_once in [1, 16] {
            compare(address, at_once).await;
        }
    });
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

async fn serve(ready: oneshot::Sender<SocketAddr>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    ready.send(listener.local_addr().unwrap()).unwrap();
    let server = Server::new(&ServerConfig::default(), tonic_health::pb::FILE_DESCRIPTOR_SET);
    server.serve(listener, CancellationToken::new()).await.unwrap();
}

/// In turns, so that whatever else the machine does disturbs both.
async fn compare(address: SocketAddr, at_once: usize) {
    let url = format!("http://{address}");
    let bare = Endpoint::from_shared(url.clone()).unwrap().tcp_nodelay(true).connect().await.unwrap();
    let client = Client::new(&ClientConfig::default(), Registry::in_process(), Mesh::plain(), &[]).unwrap();
    let ours = client.channel("bench", &url.parse().unwrap()).unwrap();
    let mut rounds = Vec::new();
    for _ in 0..=ROUNDS {
        rounds.push((cost(&bare, at_once).await, cost(&ours, at_once).await));
    }
    // The first was for warming up.
    rounds.remove(0);
    let median = |of: fn(&(Duration, Duration)) -> f64| {
        let mut values: Vec<_> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[ROUNDS / 2]
    };
    let (bare, ours) = (median(|round| microseconds(round.0)), median(|round| microseconds(round.1)));
    let added = median(|round| microseconds(round.1) - microseconds(round.0));
    println!("{at_once:2} at once: tonic {bare:.1} µs, ours {ours:.1} µs, added {added:.1} µs a call");
}

/// Of one call.
async fn cost<C>(channel: &C, at_once: usize) -> Duration
where
    C: GrpcService<Body, ResponseBody = Body> + Clone,
{
    let began = work();
    let calls = stream::iter(0..CALLS).map(|_| {
        let mut client = HealthClient::new(channel.clone());
        async move { client.check(HealthCheckRequest::default()).await.unwrap() }
    });
    calls.buffer_unordered(at_once).for_each(|_| async {}).await;
    (work() - began) / u32::try_from(CALLS).unwrap()
}

/// What this thread has worked so far, in user and in kernel mode.
fn work() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap()
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
