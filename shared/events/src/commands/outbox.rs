//! What an operator can do about the events that a service could not publish.

use std::time::Duration;

use anyhow::Context;
use clap::Subcommand;
use database::Pool;
use sqlx::query;
use tokio::time::timeout;
use uuid::Uuid;

/// An operator does not wait longer for a database that is away.
const PATIENCE: Duration = Duration::from_secs(5);

/// The outbox of a service.
#[derive(Clone, Debug, Subcommand)]
pub enum OutboxCommand {
    /// Print how many events wait, since when, and those that the bus refuses
    Status,
    /// Publish again: an event that was refused, or one of the last 24 hours
    Replay {
        /// The event
        id: Uuid,
    },
    /// Give up an event that was refused, so that those behind it go on
    Drop {
        /// The event
        id: Uuid,
    },
}

impl OutboxCommand {
    /// Does it in the service's database, and prints what it did.
    ///
    /// Errors: there is no such event; the database's; it does not answer within five seconds.
    #[expect(clippy::print_stdout, reason = "it is the answer to whoever asked")]
    pub async fn run(self, database: &database::Config) -> anyhow::Result<()> {
        let connected = timeout(PATIENCE, database::connect(database)).await;
        println!("{}", self.answer(&connected.context("the database does not answer")??).await?);
        Ok(())
    }

    /// Does it; returns what it did, in words.
    ///
    /// Errors: as above.
    pub async fn answer(self, pool: &Pool) -> anyhow::Result<String> {
        match self {
            Self::Status => status(pool).await,
            Self::Replay { id } => replay(pool, id).await,
            Self::Drop { id } => give_up(pool, id).await,
        }
    }
}

async fn status(pool: &Pool) -> anyhow::Result<String> {
    let mut connection = pool.acquire().await?;
    let waiting = query!(
        "select count(*) as \"count!\", coalesce(extract(epoch from now() - min(time)), 0)::bigint as \"oldest!\"
         from events.outbox where published_at is null and dead_since is null",
    )
    .fetch_one(&mut connection)
    .await?;
    let dead = query!(
        "select id, kind, subject, attempts, error, extract(epoch from now() - dead_since)::bigint as \"age!\",
             (select count(*) from events.outbox as later where later.subject = dead.subject
                  and later.published_at is null and later.sequence > dead.sequence) as \"behind!\"
         from events.outbox as dead where dead_since is not null order by sequence",
    )
    .fetch_all(&mut connection)
    .await?;
    let mut report = match waiting.count {
        0 => "no event waits".to_owned(),
        count => format!("{count} wait, the oldest for {} s", waiting.oldest),
    };
    report += &format!("; {} dead", dead.len());
    for row in dead {
        let error = row.error.unwrap_or_default();
        report += &format!(
            "\n{} {} of {}: dead for {} s after {} attempts, {} wait behind it: {error}",
            row.id, row.kind, row.subject, row.age, row.attempts, row.behind,
        );
    }
    Ok(report)
}

/// A running relay sees it within a second.
async fn replay(pool: &Pool, id: Uuid) -> anyhow::Result<String> {
    let mut connection = pool.acquire().await?;
    let replayed = query!(
        "update events.outbox
         set published_at = null, dead_since = null, attempts = 0, error = null, leased_until = null
         where id = $1 and (published_at is not null or dead_since is not null) returning kind, subject",
        id,
    )
    .fetch_optional(&mut connection)
    .await?;
    let event = replayed.with_context(|| format!("no event {id} of the outbox was published or refused"))?;
    Ok(format!("{} of {} is published again", event.kind, event.subject))
}

async fn give_up(pool: &Pool, id: Uuid) -> anyhow::Result<String> {
    let mut connection = pool.acquire().await?;
    let dropped =
        query!("delete from events.outbox where id = $1 and dead_since is not null returning kind, subject", id,)
            .fetch_optional(&mut connection)
            .await?;
    let event = dropped.with_context(|| format!("no event {id} of the outbox was refused for good"))?;
    Ok(format!("{} of {} is given up", event.kind, event.subject))
}
