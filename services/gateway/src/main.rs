//! The gateway process.

use lifecycle::Command;
use mimalloc::MiMalloc;

// glibc keeps what it once had, for every thread anew: see decision 0007.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    identity::install_crypto_provider();
    let cli: gateway::Cli = settings::parse();
    let outcome = lifecycle::block_on(cli.threads, run(cli));
    lifecycle::exit(outcome, 1)
}

async fn run(cli: gateway::Cli) -> anyhow::Result<()> {
    match cli.command {
        Some(Command::Healthcheck) => lifecycle::healthcheck(cli.ops_addr).await,
        None => gateway::run(cli).await,
    }
}
