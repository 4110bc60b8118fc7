//! What operators tell the program to do, once, beside the running service.

use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use events::{Bus, DeadLettersCommand, OutboxCommand};
use tokio::time::timeout;

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

/// An operator does not wait longer for a database that is away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Does it, and is done.
///
/// Errors: it cannot be done; nothing has changed.
pub async fn run(cli: Cli, task: Task) -> anyhow::Result<()> {
    match task {
        Task::Outbox(command) => {
            let connected = timeout(PATIENCE, database::connect(&cli.config.database)).await;
            command.run(&connected.context("the database does not answer")??).await
        }
        Task::DeadLetters(command) => command.run(&Bus::connect(&cli.events, SERVICE).await?, SERVICE).await,
    }
}
