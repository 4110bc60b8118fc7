//! Calls over real connections, to instances that answer, hang, fail, leave and come back.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod absence;
mod answers;
mod balance;
mod by_hand;
mod deadlines;
mod echo;
mod ejection;
mod fleet;
mod guard;
mod measured;
mod retries;
mod secured;
mod server;
mod streams;
mod traced;
mod unsent;
