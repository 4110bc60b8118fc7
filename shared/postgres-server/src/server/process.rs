//! The running server: the watchdog that owns it, when it is ready, how it ends.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::Path,
    process::{Child, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{directory::Directory, poll::poll, survivor};
use crate::Error;

const WATCHDOG: &str = include_str!("watchdog.sh");

/// For the creation of data and for recovery after a crash, on a slow machine.
const START_LIMIT: Duration = Duration::from_secs(60);

/// For the last checkpoint, on a slow machine.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// How much of the log an error shows.
const LOG_LINES: usize = 12;

/// A server under its watchdog. Dropping it ends both.
pub struct Process {
    watchdog: Child,
}

impl Process {
    /// Starts the watchdog, which creates the data if there are none and starts the server.
    pub fn spawn(programs: &Path, directory: &Directory, port: u16, log: File) -> Result<Self, Error> {
        // Temporary data need no last checkpoint.
        let signal = if directory.is_temporary { "QUIT" } else { "INT" };
        let path = directory.log();
        let stdout = log.try_clone().map_err(Error::io("share", &path))?;
        let shell = Path::new("/bin/sh");
        let mut command = directory.account.command(shell);
        command
            .args(["-c", WATCHDOG, "postgres-watchdog"])
            .args([programs, &directory.cluster])
            .arg(signal)
            .arg(directory.to_remove())
            .args(settings(port, directory.is_temporary).iter().flat_map(|setting| ["-c", setting]))
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(log)
            // Ctrl-C in a terminal goes to the parent's group, and the parent may still need the database.
            .process_group(0);
        let watchdog = command.spawn().map_err(Error::io("run", shell))?;
        Ok(Self { watchdog })
    }

    /// Returns when the server takes connections.
    pub fn wait_until_ready(&self, directory: &Directory) -> Result<(), Error> {
        let (log, pid_file) = (directory.log(), directory.data().join("postmaster.pid"));
        let seconds = START_LIMIT.as_secs();
        poll(START_LIMIT, || {
            if is_ready(&pid_file) {
                return Some(Ok(()));
            }
            survivor::has_ended(&log).then(|| Err(Error::Ended { log: end_of(&log) }))
        })
        .unwrap_or_else(|| Err(Error::TooSlow { seconds, log: end_of(&log) }))
    }

    /// Lets the watchdog end the server, and waits for both; kills them when that takes too long.
    pub fn end(&mut self) -> Result<(), Error> {
        drop(self.watchdog.stdin.take());
        // An error means that somebody else has waited for it: it has ended too.
        let has_ended = |watchdog: &mut Child| !matches!(watchdog.try_wait(), Ok(None));
        if poll(STOP_LIMIT, || has_ended(&mut self.watchdog).then_some(())).is_some() {
            return Ok(());
        }
        // Gone in this very moment is as good; the server's own children notice its death.
        let _ = kill_process_group(Pid::from_child(&self.watchdog), Signal::KILL);
        let _ = self.watchdog.wait();
        Err(Error::Killed { seconds: STOP_LIMIT.as_secs() })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The next start recovers what could not be ended.
        let _ = self.end();
    }
}

/// The eighth line of `postmaster.pid` is the server's state (PostgreSQL's `miscadmin.h`: `LOCK_FILE_LINE_PM_STATUS`).
fn is_ready(pid_file: &Path) -> bool {
    fs::read_to_string(pid_file)
        .is_ok_and(|content| content.lines().nth(7).is_some_and(|state| state.trim() == "ready"))
}

fn settings(port: u16, is_temporary: bool) -> Vec<String> {
    let mut settings = vec![
        format!("port={port}"),
        "listen_addresses=127.0.0.1".to_owned(),
        // A socket's path has to be short and writable for the account; the port is enough.
        "unix_socket_directories=".to_owned(),
        // Tests run side by side, each with a pool of its own.
        "max_connections=200".to_owned(),
    ];
    if is_temporary {
        // Nothing of it is read after a crash.
        let unsafe_but_fast = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];
        settings.extend(unsafe_but_fast.map(str::to_owned));
    }
    settings
}

fn end_of(log: &Path) -> String {
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<_> = log.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_data_stay_durable() {
        let settings = settings(1, false).join(" ");
        assert!(!settings.contains("off"), "{settings}");
    }
}
