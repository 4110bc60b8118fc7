//! The payments process.

use mimalloc::MiMalloc;
use payments::Command;

// glibc keeps what it once had, for every thread anew: see decision 0007.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() {
    identity::install_crypto_provider();
    let cli: payments::Cli = settings::parse();
    let outcome = lifecycle::block_on(cli.threads, run(cli));
    lifecycle::exit(outcome, 1)
}

async fn run(mut cli: payments::Cli) -> anyhow::Result<()> {
    match cli.command.take() {
        Some(Command::Process(lifecycle::Command::Healthcheck)) => lifecycle::healthcheck(cli.ops_addr).await,
        Some(Command::Task(task)) => payments::run_task(cli, task).await,
        None => payments::run(cli).await,
    }
}
