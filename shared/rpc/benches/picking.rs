//! How long it takes to find the instance for a call, by their number and by policy. It opens 2,000 sockets: `ulimit -n 4096`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot be set up has failed")]

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::LazyLock,
    time::Duration,
};

use discovery::{Peer, Registration, Registry};
use divan::{Bencher, bench};
use futures::FutureExt;
use identity::Mesh;
use rpc::{Channel, Client, ClientConfig, Policy, Server, ServerConfig};
use tokio::{net::TcpListener, runtime::Runtime, task::yield_now, time::timeout};
use tokio_util::sync::CancellationToken;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

fn main() {
    divan::main();
}

#[bench(args = [1, 2, 10, 1_000])]
fn peak_ewma(bencher: Bencher, instances: u16) {
    pick(bencher, instances, Policy::PeakEwma);
}

#[bench(args = [1_000])]
fn pending(bencher: Bencher, instances: u16) {
    pick(bencher, instances, Policy::Pending);
}

#[bench(args = [1_000])]
fn round_robin(bencher: Bencher, instances: u16) {
    pick(bencher, instances, Policy::RoundRobin);
}

fn pick(bencher: Bencher, instances: u16, policy: Policy) {
    let channel = RUNTIME.block_on(connect(instances, policy));
    bencher.bench(|| channel.reachable().now_or_never().unwrap().unwrap());
}

/// To so many instances: one server, at as many addresses of this machine.
async fn connect(instances: u16, balance_policy: Policy) -> Channel {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = Server::new(&ServerConfig::default(), tonic_health::pb::FILE_DESCRIPTOR_SET);
    tokio::spawn(server.serve(listener, CancellationToken::new()));
    let registry = Registry::in_process();
    for instance in 1..=instances {
        let [high, low] = instance.to_be_bytes();
        let address = SocketAddr::from((Ipv4Addr::new(127, 1, high, low), port));
        let (registry, registration) = (registry.clone(), Registration::grpc("echo", "bench", address, address));
        tokio::spawn(async move { registry.register(registration, CancellationToken::new()).await });
    }
    let config = ClientConfig { balance_policy, ..ClientConfig::default() };
    let client = Client::new(&config, registry, Mesh::plain(), &[]).unwrap();
    let channel = client.channel("echo", &Peer::Service("echo".to_owned())).unwrap();
    let all_up = async {
        while !channel.report().starts_with(&format!("{instances} instances, {instances} up")) {
            yield_now().await;
        }
    };
    timeout(Duration::from_secs(60), all_up).await.unwrap();
    channel
}
