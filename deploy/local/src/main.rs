//! `cargo up`: the whole shop in one process, on a PostgreSQL server of its own.

mod data;
mod demo;
mod options;
mod servers;
mod shop;
mod welcome;

use std::process::ExitCode;

use lifecycle::{Drain, Process};
use options::Options;
use servers::Listeners;
use shop::Shop;

#[tokio::main]
async fn main() -> ExitCode {
    identity::install_crypto_provider();
    let options: Options = settings::parse();
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "whoever typed the command reads the answer there")]
            {
                eprintln!("{error:#}");
            }
            ExitCode::from(2)
        }
    }
}

async fn run(options: Options) -> anyhow::Result<()> {
    telemetry::init(&options.telemetry)?;
    let drain = Drain { drain_delay_s: 0, drain_timeout_s: 10 };
    let listeners = Listeners::open(&options).await?;
    let operations = lifecycle::listen("--ops-port", options.address(options.ops_port)).await?;
    let process = Process::start(operations, drain)?;
    let health = process.health.clone();
    process.run(Shop::open(options, listeners, health), Shop::serve).await
}
