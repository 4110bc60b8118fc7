//! Our own issuer's tokens, as it makes them.

use std::time::Duration;

use identity::{Grant, Issuer, JwkSet, Signer, Subject, Verifier};
use uuid::Uuid;

fn issuer() -> Issuer {
    Issuer { token_issuer: "http://issuer".to_owned(), token_audience: "shop".to_owned() }
}

/// A token's bearer, and whoever believes it.
fn bearer(subject: Subject) -> (String, Verifier) {
    let signer = Signer::from_pkcs8(&Signer::generate().unwrap()).unwrap();
    let scopes = "orders:read orders:write".parse().unwrap();
    let grant = Grant { subject, client_id: "tests".to_owned(), scopes, lifetime: Duration::from_secs(60) };
    let verifier = Verifier::of_issuer(&issuer(), &JwkSet { keys: vec![signer.public_key()] });
    (format!("Bearer {}", signer.sign(&issuer(), &grant).unwrap()), verifier)
}

#[tokio::test]
async fn a_good_token_names_its_subject_its_program_and_what_it_allows() {
    let id = Uuid::now_v7();
    let (bearer, verifier) = bearer(Subject::User(id));
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let caller = verifier.verify(&bearer.replace("Bearer", scheme)).await.unwrap();
        assert_eq!((caller.user(), caller.client_id()), (Some(id), "tests"));
        assert_eq!(caller.scopes().to_string(), "orders:read orders:write");
        assert_eq!(caller.outside(), None);
    }
}

#[tokio::test]
async fn a_program_in_its_own_name_is_nobodys_account() {
    let (bearer, verifier) = bearer(Subject::Client("tests".to_owned()));
    let caller = verifier.verify(&bearer).await.unwrap();
    assert_eq!((caller.subject(), caller.user()), (&Subject::Client("tests".to_owned()), None));
}

#[tokio::test]
async fn a_caller_passes_its_token_on() {
    let (bearer, verifier) = bearer(Subject::User(Uuid::now_v7()));
    let request = verifier.verify(&bearer).await.unwrap().request(());
    let value = request.metadata().get("authorization").unwrap();
    assert_eq!(value.to_str().unwrap(), bearer);
    assert!(value.is_sensitive());
}
