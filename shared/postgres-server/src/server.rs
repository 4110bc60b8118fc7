//! The life of a server, start to stop; each step has its file.

mod account;
mod binaries;
mod directory;
mod download;
mod poll;
mod process;
mod survivor;

use std::{
    fmt,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use self::{account::Account, binaries::Binaries, directory::Directory, process::Process};
use crate::Error;

/// How often another free port is tried when somebody takes the one that was found.
const PORT_ATTEMPTS: usize = 5;

/// A private PostgreSQL server: a child process that ends with its parent.
///
/// Its calls block: in asynchronous code they belong to the start of the program, or into `spawn_blocking`.
/// Dropping it stops it as [`stop`](Self::stop) does.
pub struct PostgresServer {
    url: String,
    password: String,
    programs: PathBuf,
    // The order matters: the process ends before its directory is unlocked, or removed.
    process: Process,
    _directory: Directory,
}

impl PostgresServer {
    /// Starts a server on the data in `directory`, which is created, or continued with, and kept.
    ///
    /// The server's log is `postgres.log` in there. When root starts it in a directory that is closed to other users,
    /// the data lie under `/var/lib/joist` and `cluster` in there is a link to them.
    ///
    /// Errors: see [`Error`]; a server that does not become ready is given up after 60 s.
    pub fn start(directory: &Path) -> Result<Self, Error> {
        with_a_free_port(|port| {
            let directory = Directory::open(directory)?;
            let binaries = Binaries::find_for(&directory)?;
            Self::launch(binaries, directory, port)
        })
    }

    /// Starts an empty server in the temp folder, made for speed: a crash of the machine would lose its data,
    /// and its end removes them.
    ///
    /// Errors: see [`Error`]; a server that does not become ready is given up after 60 s.
    pub fn temporary() -> Result<Self, Error> {
        with_a_free_port(|port| {
            let account = Account::choose()?;
            let binaries = Binaries::find(&account)?;
            Self::launch(binaries, Directory::temporary(account)?, port)
        })
    }

    /// Removes the kept data of `directory`, and the directory; nothing happens where there is none.
    ///
    /// Errors: see [`Error`]; [`Error::InUse`] where a server runs on it.
    pub fn remove(directory: &Path) -> Result<(), Error> {
        if !directory.exists() {
            return Ok(());
        }
        let directory = Directory::open(directory)?;
        survivor::take_over(&directory)?;
        directory.remove()
    }

    fn launch(binaries: Binaries, directory: Directory, port: u16) -> Result<Self, Error> {
        let log = survivor::take_over(&directory)?;
        let password = directory.password()?;
        let process = Process::spawn(&binaries.folder, &directory, port, log)?;
        process.wait_until_ready(&directory)?;
        Ok(Self {
            url: format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            password,
            programs: binaries.folder,
            process,
            _directory: directory,
        })
    }

    /// `postgres://postgres@127.0.0.1:PORT/postgres`: the superuser's address, without the password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The superuser's password: random, and the same for as long as the data are kept.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The folder of the server's programs, with `psql` beside them where clients are installed too.
    pub fn programs(&self) -> &Path {
        &self.programs
    }

    /// Ends all connections, then the server, and waits for its end (30 s at most).
    ///
    /// Errors: [`Error::Killed`] if it did not end in that time.
    pub fn stop(mut self) -> Result<(), Error> {
        self.process.end()
    }
}

/// Without the password.
impl fmt::Debug for PostgresServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut server = formatter.debug_struct("PostgresServer");
        server.field("url", &self.url).finish_non_exhaustive()
    }
}

/// Calls `start` with a port that was free a moment ago, again if it no longer is.
fn with_a_free_port<T>(start: impl Fn(u16) -> Result<T, Error>) -> Result<T, Error> {
    let mut attempts = 1;
    loop {
        match start(free_port()?) {
            Err(Error::Ended { log }) if port_was_taken(&log) && attempts < PORT_ATTEMPTS => attempts += 1,
            result => return result,
        }
    }
}

fn free_port() -> Result<u16, Error> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(Error::io("find a free port on", Path::new("127.0.0.1")))
}

fn port_was_taken(log: &str) -> bool {
    log.contains("could not bind")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_taken_port_is_told_by_the_log() {
        let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let account = Account::choose().unwrap();
        let binaries = Binaries::find(&account).unwrap();
        let directory = Directory::temporary(account).unwrap();
        let port = holder.local_addr().unwrap().port();
        match PostgresServer::launch(binaries, directory, port).unwrap_err() {
            Error::Ended { log } => assert!(port_was_taken(&log), "{log}"),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn another_port_is_tried_when_the_first_is_taken() {
        let calls = Cell::new(0);
        let started = with_a_free_port(|_| {
            calls.set(calls.get() + 1);
            let log = "could not bind IPv4 address".to_owned();
            if calls.get() == 1 { Err(Error::Ended { log }) } else { Ok(()) }
        });
        assert!(started.is_ok());
        assert_eq!(calls.get(), 2);
    }
}
