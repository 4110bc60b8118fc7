//! People as far as tokens are concerned: who they are, and what they have granted to programs.

use identity::Scopes;
use uuid::Uuid;

use super::{ClientId, UserId};

/// Someone who has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person {
    pub id: UserId,
    pub is_admin: bool,
}

/// What a person has granted to a program by signing in once: every refresh token that comes of it is of the family.
#[derive(Clone, Debug)]
pub struct Family {
    pub id: Uuid,
    pub person: Person,
    pub client: ClientId,
    pub scopes: Scopes,
}
