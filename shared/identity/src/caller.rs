//! The caller, as proven by a token.

use std::{fmt, sync::Arc};

use tonic::{Request, metadata::MetadataValue};
use uuid::Uuid;

use crate::Scopes;

/// Someone whose token was verified; there is no other way to come by one.
#[derive(Clone)]
pub struct Caller(Arc<Known>);

/// What is known of a caller.
struct Known {
    subject: Subject,
    client_id: String,
    scopes: Scopes,
    authorization: String,
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
    pub(crate) fn new(subject: Subject, client_id: String, scopes: Scopes, authorization: &str) -> Self {
        Self(Arc::new(Known { subject, client_id, scopes, authorization: authorization.to_owned() }))
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

    /// The program that the token was given to (RFC 9068, section 2.2).
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
        let mut authorization: MetadataValue<_> =
            self.0.authorization.parse().expect("a verified token is base64url and dots behind a scheme");
        authorization.set_sensitive(true);
        request.metadata_mut().insert("authorization", authorization);
        request
    }
}
