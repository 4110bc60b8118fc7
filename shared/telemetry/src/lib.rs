//! What a process tells its operators: for now its log.

#![warn(missing_docs)]

use std::io::{self, IsTerminal};

use anyhow::Context;
use clap::{Args, ValueEnum};
use tracing_subscriber::{EnvFilter, fmt, util::SubscriberInitExt};

/// How a process logs.
#[derive(Args, Clone, Debug)]
#[group(skip)]
pub struct Config {
    /// Which events are logged: a level, or `target=level` pairs (the syntax of tracing's `EnvFilter`)
    #[arg(long, env, default_value = "info", value_parser = filter)]
    pub log_filter: String,

    /// Text for people, JSON for machines
    #[arg(long, env, default_value = "auto")]
    pub log_format: LogFormat,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere
    Auto,
    /// One JSON object a line
    Json,
    /// One line of text
    Text,
}

fn filter(text: &str) -> Result<String, String> {
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Starts logging to stdout for the rest of the process.
///
/// Errors: the filter of a `Config` made in code cannot be read, or logging was started before.
pub fn init(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .with_context(|| format!("LOG_FILTER {:?} cannot be read", config.log_filter))?;
    let log = fmt().with_env_filter(filter);
    let json = match config.log_format {
        LogFormat::Auto => !io::stdout().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    match json {
        true => log.json().flatten_event(true).finish().try_init(),
        false => log.finish().try_init(),
    }
    .context("logging was started twice")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_level_or_pairs_of_target_and_level() {
        for text in ["info", "warn,orders=debug", "off"] {
            assert_eq!(filter(text).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_is_no_filter_is_refused_before_anything_starts() {
        for text in ["loud=please", "orders=debug=info"] {
            assert!(filter(text).is_err(), "{text}");
        }
    }
}
