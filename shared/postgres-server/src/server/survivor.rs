//! A server that an earlier run left behind: found by the lock on its log, and ended before the next one starts.
//!
//! The log is locked by the file description that the server writes to, so the lock lasts exactly as long as any of
//! its processes. That is what `postmaster.pid` cannot tell: its number may be another program's by now.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use super::{directory::Directory, poll::poll};
use crate::Error;

/// How a survivor is ended, and how long each way is given: ask, insist, kill.
const ENDINGS: [(Signal, Duration); 3] = [
    (Signal::INT, Duration::from_secs(15)),
    (Signal::QUIT, Duration::from_secs(5)),
    (Signal::KILL, Duration::from_secs(5)),
];

/// The directory's log, empty and locked, for the next server to inherit; no earlier server is left.
pub fn take_over(directory: &Directory) -> Result<File, Error> {
    let path = directory.log();
    let log = open(&path).map_err(Error::io("open", &path))?;
    let pid_file = directory.data().join("postmaster.pid");
    let is_locked = try_lock(&log).map_err(Error::io("lock", &path))? || end(&log, &pid_file);
    if !is_locked {
        return Err(Error::Survivor(directory.data()));
    }
    log.set_len(0).map_err(Error::io("empty", &path))?;
    if pid_file.exists() {
        // PostgreSQL would refuse to start if the number in it were a living process of the same user.
        fs::remove_file(&pid_file).map_err(Error::io("remove", &pid_file))?;
    }
    Ok(log)
}

/// Whether no server writes to the log at `path`.
pub fn has_ended(path: &Path) -> bool {
    open(path).and_then(|log| try_lock(&log)).unwrap_or(false)
}

fn open(log: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(log)
}

fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => Err(cause),
    }
}

/// Ends whoever writes to the log, and locks it; false if that is impossible.
fn end(log: &File, pid_file: &Path) -> bool {
    ENDINGS.iter().any(|(signal, patience)| {
        if let Some(pid) = read_pid(pid_file) {
            // Refused if it runs as another user: then the waiting is in vain.
            let _ = kill_process(pid, *signal);
        }
        poll(*patience, || try_lock(log).ok().filter(|is_locked| *is_locked)).is_some()
    })
}

fn read_pid(pid_file: &Path) -> Option<Pid> {
    let content = fs::read_to_string(pid_file).ok()?;
    Pid::from_raw(content.lines().next()?.parse().ok()?)
}
