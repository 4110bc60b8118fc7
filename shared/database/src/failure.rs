//! What a failed statement means to whoever asked for it.

use sqlx::Error;

/// `query_canceled`: the statement's time limit was over; `lock_not_available`: that of its wait for a lock was
/// (PostgreSQL manual, appendix A).
const TIMED_OUT: [&str; 2] = ["57014", "55P03"];

/// The classes of SQLSTATE that say that the server cannot do it for us now: connection exception, transaction rollback
/// (a deadlock), insufficient resources (too many connections), operator intervention (shutting down, starting up).
const UNAVAILABLE_CLASSES: [&str; 4] = ["08", "40", "53", "57"];

/// What kind of trouble a statement had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Its time limit was over.
    TimedOut,
    /// The database could not be reached, had no connection left, or gave up for others' sake; trying again may help.
    Unavailable,
    /// A defect: of the statement, the schema or the data.
    Defect,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        match error {
            // A server that goes away in the middle of a greeting has said something strange.
            Error::Protocol(_) => Self::Unavailable,
            Error::Io(_) | Error::Tls(_) | Error::PoolTimedOut | Error::PoolClosed | Error::WorkerCrashed => {
                Self::Unavailable
            }
            Error::Database(refusal) => match refusal.code().as_deref() {
                Some(code) if TIMED_OUT.contains(&code) => Self::TimedOut,
                Some(code) if UNAVAILABLE_CLASSES.iter().any(|class| code.starts_with(class)) => Self::Unavailable,
                _ => Self::Defect,
            },
            _ => Self::Defect,
        }
    }
}

/// The name of the constraint that a statement would have violated, if that is why it failed.
pub fn violated_constraint(error: &Error) -> Option<&str> {
    match error {
        Error::Database(refusal) => refusal.constraint(),
        _ => None,
    }
}
