//! What an operator can do about events that go nowhere.

mod dead_letters;
mod outbox;

pub use self::{dead_letters::DeadLettersCommand, outbox::OutboxCommand};
