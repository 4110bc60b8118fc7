//! The gateway process.

use lifecycle::Command;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    identity::install_crypto_provider();
    let cli: gateway::Cli = settings::parse();
    telemetry::init(&cli.telemetry)?;
    match cli.command {
        Some(Command::Healthcheck) => lifecycle::healthcheck(cli.ops_addr).await,
        None => gateway::run(cli).await,
    }
}
