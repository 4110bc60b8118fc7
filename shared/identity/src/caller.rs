//! The caller, as proven by a token.

use std::{fmt, sync::Arc};

use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
};
use uuid::Uuid;

use crate::{Error, Outside, Scopes};

/// Someone whose token was verified; there is no other way to come by one. Copies share what is known.
#[derive(Clone)]
pub struct Caller(Arc<Known>);

/// What is known of a caller.
pub(crate) struct Known {
    pub subject: Subject,
    pub client_id: String,
    pub scopes: Scopes,
    pub outside: Option<Outside>,
    /// The token behind its scheme, as it travels on.
    pub authorization: MetadataValue<Ascii>,
}

/// Whom a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A person, by the id of the account.
    User(Uuid),
    /// A program that acts in its own name.
    Client(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Client(id) => id.fmt(f),
        }
    }
}

impl Caller {
    pub(crate) fn new(known: Known) -> Self {
        Self(Arc::new(known))
    }

    /// The caller of a gRPC call that has passed a guard (`rpc::Server::guarded`).
    ///
    /// Errors: [`Error::Missing`] where nobody had to prove who they are.
    pub fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        request.extensions().get().cloned().ok_or(Error::Missing)
    }

    /// Whom the token speaks for.
    pub fn subject(&self) -> &Subject {
        &self.0.subject
    }

    /// The account that the token speaks for; none for a program that acts in its own name.
    pub fn user(&self) -> Option<Uuid> {
        match self.0.subject {
            Subject::User(id) => Some(id),
            Subject::Client(_) => None,
        }
    }

    /// Who the account is to an issuer that is not ours; none for an account of our own.
    pub fn outside(&self) -> Option<&Outside> {
        self.0.outside.as_ref()
    }

    /// The program that the token was given to (RFC 9068, section 2.2). Outside issuers need not say: then it is empty.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// What the token allows.
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// A call in this caller's name: the token travels along, and the service called verifies it itself.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("authorization", self.0.authorization.clone());
        request
    }
}
