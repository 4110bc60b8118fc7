//! What a process tells its operators: for now its log.

#![warn(missing_docs)]

use std::{
    io::{self, IsTerminal},
    sync::OnceLock,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use tracing_subscriber::{
    EnvFilter, Layer, Registry, fmt, layer::SubscriberExt, registry, reload, util::SubscriberInitExt,
};

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

/// There is one subscriber in a process, and so one filter.
static LOG_FILTER: OnceLock<LogFilter> = OnceLock::new();

struct LogFilter {
    configured: String,
    handle: reload::Handle<EnvFilter, Registry>,
}

/// Starts logging to stdout for the rest of the process.
///
/// Errors: the filter of a `Config` made in code cannot be read, or logging was started before.
pub fn init(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.log_filter)
        .with_context(|| format!("LOG_FILTER {:?} cannot be read", config.log_filter))?;
    let (filter, handle) = reload::Layer::new(filter);
    let json = match config.log_format {
        LogFormat::Auto => !io::stdout().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let log = if json { fmt::layer().json().flatten_event(true).boxed() } else { fmt::layer().boxed() };
    registry().with(filter).with(log).try_init().context("logging was started twice")?;
    // The subscriber was set a moment ago, so nobody else can have been here.
    let _ = LOG_FILTER.set(LogFilter { configured: config.log_filter.clone(), handle });
    Ok(())
}

/// Logs by another filter from now on; by the configured one again without one.
///
/// Errors: the filter cannot be read, or logging was never started; then nothing changes.
pub fn set_log_filter(text: Option<&str>) -> anyhow::Result<()> {
    let log_filter = LOG_FILTER.get().context("logging was not started")?;
    let filter = EnvFilter::try_new(text.unwrap_or(&log_filter.configured)).context("no log filter")?;
    Ok(log_filter.handle.reload(filter)?)
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
