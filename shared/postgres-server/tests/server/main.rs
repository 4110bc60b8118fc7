//! Real servers: kept and temporary, stopped and killed, as root and as an ordinary user.

#![cfg(unix)]

mod harness;
mod kept;
mod killed;
mod temporary;
