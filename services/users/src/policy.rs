//! Who may do what with accounts: what each call asks of a token, and whose account it may be about.

use identity::{
    Access::{AnyCaller, Public, Scope},
    Caller, Policy,
};

use crate::{domain::UserId, error::Error};

/// What each call asks.
pub const CALLS: Policy = &[
    ("users.v1.UsersService/Register", Public),
    ("users.v1.UsersService/SignIn", Public),
    ("users.v1.UsersService/ConfirmAccount", AnyCaller),
    ("users.v1.UsersService/GetUser", Scope("users:read")),
    ("users.v1.UsersService/UpdateUser", Scope("users:write")),
    ("users.v1.UsersService/DeleteUser", Scope("users:write")),
];

/// Lets a token speak of every account, as far as its other scopes go.
const ADMIN: &str = "admin";

/// One's own account, or anybody's for an administrator. Somebody else's looks like none at all.
pub fn own(caller: &Caller, id: UserId) -> Result<(), Error> {
    let is_own = caller.user() == Some(id.0);
    if is_own || caller.scopes().contains(ADMIN) { Ok(()) } else { Err(Error::NotFound) }
}
