//! `cargo up`: the whole shop in one process, on a PostgreSQL server of its own.

mod builder;
mod configs;
mod data;
mod database_server;
mod demo;
mod instance;
mod options;
mod servers;
mod shop;
mod welcome;

use lifecycle::{Command, Drain, Process};
use mimalloc::MiMalloc;
use options::Options;
use servers::Listeners;
use shop::Shop;

// As each of the services by itself.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() {
    identity::install_crypto_provider();
    let options: Options = settings::parse();
    match options.command {
        Some(Command::Healthcheck) => {
            lifecycle::exit(lifecycle::healthcheck(options.address(options.ops_port)).await, 1)
        }
        None => lifecycle::exit(run(options).await, 2),
    }
}

async fn run(options: Options) -> anyhow::Result<()> {
    let _telemetry = telemetry::init(&options.telemetry(), "joist", env!("CARGO_PKG_VERSION"))?;
    let drain = Drain { drain_delay_s: 0, drain_timeout_s: 10 };
    let listeners = Listeners::open_all(&options).await?;
    let operations = lifecycle::listen("--ops-port", options.address(options.ops_port)).await?;
    let process = Process::start(operations, drain)?;
    let (health, operations) = (process.health.clone(), process.operations);
    process.run(Shop::open(options, listeners, health, operations), Shop::serve).await
}
