//! Who may call what, as a table in the code of each service.

use std::fmt;

use thiserror::Error;

use crate::{Caller, Scopes};

/// What a call asks of its caller before anybody looks at what it is about. Whose the thing is that it is about is for
/// the service to judge, which alone knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing.
    Public,
    /// A good token, whatever it allows.
    AnyCaller,
    /// A token that allows this.
    Scope(&'static str),
}

/// What each method of a service asks, by its path: `orders.v1.OrdersService/GetOrder`. What is not in the table is
/// refused.
pub type Policy = &'static [(&'static str, Access)];

/// A caller whose token does not allow this. The message is safe to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the access token does not allow this")]
pub struct Denied {
    /// The scope that would.
    pub scope: &'static str,
}

impl Access {
    /// Whether a caller's token is of no interest.
    pub fn is_public(self) -> bool {
        self == Self::Public
    }

    /// Lets the caller do this, whose name is for the audit log, or not.
    pub fn judge(self, caller: &Caller, what: impl fmt::Display) -> Result<(), Denied> {
        let Some(scope) = self.missing(caller.scopes()) else { return Ok(()) };
        let (subject, client_id) = (caller.subject(), caller.client_id());
        tracing::info!(
            target: "audit", event = "permission_denied", %subject, client_id, what = %what, scope, "permission denied"
        );
        Err(Denied { scope })
    }

    fn missing(self, scopes: &Scopes) -> Option<&'static str> {
        match self {
            Self::Public | Self::AnyCaller => None,
            Self::Scope(scope) => Some(scope).filter(|scope| !scopes.contains(scope)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_missed_by_its_whole_name() {
        let scopes: Scopes = "orders:read users".parse().unwrap();
        assert_eq!(Access::Scope("orders:read").missing(&scopes), None);
        for missing in ["orders:write", "orders", "users:read", "ORDERS:READ", ""] {
            assert_eq!(Access::Scope(missing).missing(&scopes), Some(missing));
        }
    }

    #[test]
    fn no_scope_is_missed_where_none_is_asked_for() {
        assert_eq!(Access::Public.missing(&Scopes::default()), None);
        assert_eq!(Access::AnyCaller.missing(&Scopes::default()), None);
    }
}
