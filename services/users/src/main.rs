//! The users process.

use std::process::ExitCode;

use lifecycle::Command;

#[tokio::main]
async fn main() -> ExitCode {
    identity::install_crypto_provider();
    let cli: users::Cli = settings::parse();
    let outcome = match cli.command {
        Some(Command::Healthcheck) => lifecycle::healthcheck(cli.ops_addr).await,
        None => users::run(cli).await,
    };
    lifecycle::exit(outcome, 1)
}
