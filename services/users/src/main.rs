//! The users process.

use mimalloc::MiMalloc;
use users::Command;

// glibc keeps what it once had, for every thread anew: see decision 0007.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() {
    identity::install_crypto_provider();
    let mut cli: users::Cli = settings::parse();
    let outcome = match cli.command.take() {
        Some(Command::Process(lifecycle::Command::Healthcheck)) => lifecycle::healthcheck(cli.ops_addr).await,
        Some(Command::Task(task)) => users::run_task(cli, task).await,
        Some(Command::Outbox(command)) => command.run(&cli.config.database).await,
        None => users::run(cli).await,
    };
    lifecycle::exit(outcome, 1)
}
