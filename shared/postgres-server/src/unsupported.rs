//! The same interface for systems without Unix processes: it only ever says what to do instead.

use std::{convert::Infallible, path::Path};

use crate::Error;

/// A private PostgreSQL server, which does not exist on this system.
#[derive(Debug)]
pub struct PostgresServer(Infallible);

impl PostgresServer {
    /// Errors: always [`Error::Unsupported`].
    pub fn start(_directory: &Path) -> Result<Self, Error> {
        Err(Error::Unsupported)
    }

    /// Errors: always [`Error::Unsupported`].
    pub fn temporary() -> Result<Self, Error> {
        Err(Error::Unsupported)
    }

    /// Errors: always [`Error::Unsupported`].
    pub fn remove(_directory: &Path) -> Result<(), Error> {
        Err(Error::Unsupported)
    }

    /// Never called: there is no server.
    pub fn url(&self) -> &str {
        match self.0 {}
    }

    /// Never called: there is no server.
    pub fn password(&self) -> &str {
        match self.0 {}
    }

    /// Never called: there is no server.
    pub fn programs(&self) -> &Path {
        match self.0 {}
    }

    /// Never called: there is no server.
    pub fn stop(self) -> Result<(), Error> {
        match self.0 {}
    }
}
