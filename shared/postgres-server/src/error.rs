//! What can keep a private PostgreSQL server from running, in words for the developer who waits for it.

use std::{io, path::PathBuf};

/// What helps wherever the server's programs are the trouble.
const WAYS_OUT: &str = "install PostgreSQL (14 or newer), or name a running server (`cargo up --database-url URL`; \
    for tests `DATABASE_URL`), or run everything in containers (`docker compose up`)";

/// Why there is no server. The messages are complete: no variant has a `source` to add to them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `PG_BIN` is set, so nothing else is tried.
    #[error("PG_BIN is `{0}`, which has no `initdb` and `postgres` of version 14 or newer that can be run")]
    PgBin(PathBuf),

    /// No PostgreSQL is installed, nor could it be downloaded.
    #[error("no PostgreSQL is installed and its download failed ({reason}): {ways}", ways = WAYS_OUT)]
    Download {
        /// Why it could not be had from the net.
        reason: String,
    },

    /// A private server needs processes and signals of Unix.
    #[error("a private PostgreSQL server needs Linux or macOS; here: {ways}", ways = WAYS_OUT)]
    Unsupported,

    /// The kept data need another PostgreSQL than those installed.
    #[error(
        "the data in `{directory}` are of PostgreSQL {version}, which is not installed: \
         install it, name its folder in PG_BIN, or remove the directory to start empty"
    )]
    Version {
        /// The directory given to `start`.
        directory: PathBuf,
        /// The major version that wrote the data.
        version: u32,
    },

    /// Somebody else's server runs on this directory.
    #[error("the PostgreSQL server in `{0}` is in use by another process: stop that one, or choose another directory")]
    InUse(PathBuf),

    /// A server of an earlier run is still there and cannot be ended.
    #[error("a PostgreSQL server of an earlier run still uses `{0}` and does not end: end it by hand")]
    Survivor(PathBuf),

    /// Root has nobody to run the server as.
    #[error("PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as")]
    NoAccount,

    /// The server, or the creation of its data, ended before it was ready.
    #[error("PostgreSQL did not start; the end of its log:\n{log}")]
    Ended {
        /// The last lines of the server's log.
        log: String,
    },

    /// The server runs, but does not become ready.
    #[error("PostgreSQL was not ready within {seconds} s; the end of its log:\n{log}")]
    TooSlow {
        /// How long it was given.
        seconds: u64,
        /// The last lines of the server's log.
        log: String,
    },

    /// The server had to be killed: kept data are recovered at the next start.
    #[error("PostgreSQL did not stop within {seconds} s and was killed")]
    Killed {
        /// How long it was given.
        seconds: u64,
    },

    /// The operating system refused something.
    #[error("could not {action} `{path}`: {cause}")]
    Io {
        /// A verb: what was tried.
        action: &'static str,
        /// What it was tried on.
        path: PathBuf,
        /// The system's answer.
        cause: io::Error,
    },
}

#[cfg(unix)]
impl Error {
    /// For `map_err`: what was tried, and on what.
    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::Io { action, path, cause }
    }
}
