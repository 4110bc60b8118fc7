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

pub fn is_own(caller: &Caller, id: UserId) -> bool {
    caller.user() == Some(id.0)
}

/// One's own account, or anybody's for an administrator. Somebody else's looks like none at all.
pub fn own(caller: &Caller, id: UserId) -> Result<(), Error> {
    if is_own(caller, id) || caller.scopes().contains(ADMIN) { Ok(()) } else { Err(Error::NotFound) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use identity::{Grant, Issuer, JwkSet, Signer, Subject, Verifier};

    use super::*;

    async fn caller(subject: Subject, scopes: &str) -> Caller {
        let issuer = Issuer { token_issuer: "tests".to_owned(), token_audience: "tests".to_owned() };
        let signer = Signer::from_pkcs8(&Signer::generate().unwrap()).unwrap();
        let (client_id, lifetime) = ("tests".to_owned(), Duration::from_secs(60));
        let grant = Grant { subject, client_id, scopes: scopes.parse().unwrap(), lifetime };
        let bearer = format!("Bearer {}", signer.sign(&issuer, &grant).unwrap());
        Verifier::of_issuer(&issuer, &JwkSet { keys: vec![signer.public_key()] }).verify(&bearer).await.unwrap()
    }

    #[tokio::test]
    async fn an_account_is_for_its_owner_and_for_administrators() {
        let (ada, eve) = (UserId::generate(), UserId::generate());
        let program = || Subject::Client("tests".to_owned());
        for (subject, scopes, may) in [
            (Subject::User(ada.0), "", true),
            (Subject::User(eve.0), "users:read users:write administrator", false),
            (Subject::User(eve.0), "admin", true),
            (program(), "users:read users:write", false),
            (program(), "users:read admin", true),
        ] {
            let answer = own(&caller(subject.clone(), scopes).await, ada);
            assert_eq!(answer.is_ok(), may, "{subject} with {scopes}");
            assert!(matches!(answer, Ok(()) | Err(Error::NotFound)));
        }
    }
}
