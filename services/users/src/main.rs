//! The users process.

use lifecycle::Command;
use mimalloc::MiMalloc;

// glibc keeps what it once had, for every thread anew: see decision 0007.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() {
    identity::install_crypto_provider();
    let cli: users::Cli = settings::parse();
    let outcome = match cli.command {
        Some(Command::Healthcheck) => lifecycle::healthcheck(cli.ops_addr).await,
        None => users::run(cli).await,
    };
    lifecycle::exit(outcome, 1)
}
