//! How a process is told its settings: a clap struct, the environment, and files for secrets.
//!
//! A secret is a field of type [`Secret`] marked `hide_env_values`. Besides its variable `X` it can be given as
//! `X_FILE`, the path of a file that holds it, so that it need not stand in the environment.

#![warn(missing_docs)]

mod parse;
mod secret;

pub use parse::{Problems, Stop, parse, try_parse};
pub use secret::Secret;
