//! What has happened, told to whoever wants to know: an outbox, a bus, an inbox.
//!
//! A service writes an event in the transaction of the change that it tells of ([`Outbox`]). A relay publishes it on
//! the [`Bus`]. The [`Consumers`] of other services handle it in a transaction that remembers having done so: an event
//! takes effect once, however often it comes.

#![warn(missing_docs)]

mod backoff;
mod bus;
mod commands;
mod config;
mod consumers;
mod event;
mod measures;
mod outbox;
mod relay;

pub use self::{
    bus::{Bus, Listener, PublishError},
    commands::{DeadLettersCommand, OutboxCommand},
    config::Config,
    consumers::{Consumers, Handle, HandlingError},
    event::{Envelope, Event, Message},
    outbox::{Outbox, Row},
};

use database::Pool;
use sqlx::migrate::Migrator;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Brings the tables of outbox and inbox, in the schema `events` of a service's database, up to date.
///
/// Errors: a migration fails, or one was changed after it had run.
pub async fn migrate(pool: &Pool) -> anyhow::Result<()> {
    database::migrate_schema(pool, "events", &MIGRATIONS).await
}
