//! What operators tell the program to do, once, beside the running service.

use clap::Subcommand;
use events::{Bus, DeadLettersCommand, OutboxCommand};

use crate::{Cli, SERVICE};

/// What the program can do besides serving.
#[derive(Subcommand)]
pub enum Command {
    #[command(flatten)]
    Process(lifecycle::Command),
    #[command(flatten)]
    Task(Task),
}

#[derive(Subcommand)]
pub enum Task {
    /// Look after the events that are still to be told
    #[command(subcommand)]
    Outbox(OutboxCommand),

    /// Look after the events that could not be handled
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
}

/// Does it, and is done.
///
/// Errors: it cannot be done; nothing has changed.
pub async fn run(cli: Cli, task: Task) -> anyhow::Result<()> {
    match task {
        Task::Outbox(command) => command.run(&cli.config.database).await,
        Task::DeadLetters(command) => command.run(&Bus::connect(&cli.events, SERVICE).await?, SERVICE).await,
    }
}
