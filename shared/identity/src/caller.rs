//! The caller, as proven by a token.

use std::sync::Arc;

use tonic::{Request, metadata::MetadataValue};
use uuid::Uuid;

/// Someone whose token was verified; there is no other way to come by one.
#[derive(Clone)]
pub struct Caller {
    /// The token's `sub`.
    pub subject: Uuid,
    authorization: Arc<str>,
}

impl Caller {
    pub(crate) fn new(subject: Uuid, authorization: &str) -> Self {
        Self { subject, authorization: authorization.into() }
    }

    /// A call in this caller's name: the token travels along, and the service called verifies it itself.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let mut authorization: MetadataValue<_> =
            self.authorization.parse().expect("a verified token is base64url and dots behind a scheme");
        authorization.set_sensitive(true);
        request.metadata_mut().insert("authorization", authorization);
        request
    }
}
