//! `dead-letters status|replay|drop`: what an operator can do about events that a service could not handle.

use anyhow::{Context, ensure};
use clap::Subcommand;
use uuid::Uuid;

use crate::{
    Bus,
    bus::nats::{DeadLetters, Letter},
};

/// The events that a service could not handle.
#[derive(Clone, Debug, Subcommand)]
pub enum DeadLettersCommand {
    /// Print them, with the reasons
    Status,
    /// Hand one over once more
    Replay {
        /// The event
        id: Uuid,
    },
    /// Throw one away
    Drop {
        /// The event
        id: Uuid,
    },
}

impl DeadLettersCommand {
    /// Does it for the events of `group`, and prints what it did. A replayed event goes to other groups too, whose inboxes
    /// know it.
    ///
    /// Errors: there is no such event; the bus's.
    pub async fn run(self, bus: &Bus, group: &'static str) -> anyhow::Result<()> {
        let nats = bus.nats().context("this bus has no dead letters: what cannot be handled stays in the outbox")?;
        let letters = nats.dead_letters(group).await.context("the dead letters cannot be read")?;
        let (done, settled) = match self {
            Self::Status => (Ok(status(&letters)), None),
            Self::Replay { id } => (replay(&letters, id).await, Some(id)),
            Self::Drop { id } => (exists(&letters, id).map(|_| format!("{id} is dropped")), Some(id)),
        };
        let settled = settled.filter(|_| done.is_ok());
        letters.close(|letter| settled.is_some() && letter.event().map(|event| event.id) == settled).await;
        print(&done?);
        Ok(())
    }
}

fn status(letters: &DeadLetters) -> String {
    let lines = letters.iter().map(line);
    let count = format!("{} dead letters", letters.iter().count());
    std::iter::once(count).chain(lines).collect::<Vec<_>>().join("\n")
}

fn line(letter: &Letter) -> String {
    let what = match letter.event() {
        Some(event) => format!("{} {} of {}", event.id, event.kind, event.subject),
        None => "no event".to_owned(),
    };
    format!("{what}: {} tries, set aside {}: {}", letter.tries(), letter.time(), letter.reason())
}

async fn replay(letters: &DeadLetters, id: Uuid) -> anyhow::Result<String> {
    letters.replay(exists(letters, id)?).await?;
    Ok(format!("{id} is published again"))
}

fn exists(letters: &DeadLetters, id: Uuid) -> anyhow::Result<&Letter> {
    let found = letters.of(id);
    ensure!(!found.is_empty(), "there is no dead letter {id}");
    Ok(found[0])
}

#[expect(clippy::print_stdout, reason = "the operator asked for it")]
fn print(text: &str) {
    println!("{text}");
}
