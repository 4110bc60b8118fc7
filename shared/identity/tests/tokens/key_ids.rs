//! Keys that a token names or brings along, which its bearer has chosen.

use identity::{Error, Issuer, Verifier};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::forge::{Key, but, now, set};

/// Believes one key, which is called `ours`.
fn verifier(ours: &Key) -> Verifier {
    let issuer = Issuer { token_issuer: "http://issuer".to_owned(), token_audience: "shop".to_owned() };
    Verifier::of_issuer(&issuer, &set(&[ours.jwk("ours")]))
}

fn claims() -> Value {
    json!({"iss": "http://issuer", "sub": Uuid::now_v7(), "aud": "shop", "exp": now() + 60, "client_id": "tests"})
}

fn header(changes: Value) -> Value {
    but(&json!({"alg": "ES256", "typ": "at+jwt", "kid": "ours"}), changes)
}

/// Whose token with this header is signed by `key`.
async fn is_refused(ours: &Key, key: &Key, changes: Value) -> bool {
    let verifier = verifier(ours);
    let good = format!("Bearer {}", ours.token(&header(json!({})), &claims()));
    assert!(verifier.verify(&good).await.is_ok());
    let token = key.token(&header(changes), &claims());
    matches!(verifier.verify(&format!("Bearer {token}")).await, Err(Error::Invalid))
}

#[tokio::test]
async fn a_key_id_is_no_path() {
    let ours = Key::es256();
    for id in ["../../../dev/null", "/dev/null", "file:///dev/null", "ours/../ours", "ours\u{0}", "./ours", "OURS"] {
        assert!(is_refused(&ours, &ours, json!({ "kid": id })).await, "{id}");
    }
}

#[tokio::test]
async fn a_key_id_is_no_statement() {
    let ours = Key::es256();
    for id in ["' or '1'='1", "x' union select 'AAAA", "ours'; --", "ours%00", "*", "ours*", "$(id)"] {
        assert!(is_refused(&ours, &ours, json!({ "kid": id })).await, "{id}");
    }
}

#[tokio::test]
async fn a_key_id_is_short_text() {
    let ours = Key::es256();
    for id in [json!("k".repeat(257)), json!("k".repeat(2500)), json!(""), json!(7), json!(["ours"]), json!(null)] {
        assert!(is_refused(&ours, &ours, json!({ "kid": id })).await, "{id}");
    }
}

#[tokio::test]
async fn a_key_that_a_token_brings_along_is_not_looked_at() {
    let (ours, theirs) = (Key::es256(), Key::es256());
    let jwk = theirs.jwk("ours");
    for changes in [json!({ "jwk": jwk }), json!({"jwk": jwk, "kid": null}), json!({"jwk": jwk, "kid": "theirs"})] {
        assert!(is_refused(&ours, &theirs, changes).await);
    }
}

#[tokio::test]
async fn a_place_where_keys_would_be_is_not_looked_at() {
    let (ours, theirs) = (Key::es256(), Key::es256());
    for changes in [
        json!({"jku": "https://eve.example/keys"}),
        json!({"x5u": "https://eve.example/certificate"}),
        json!({"x5c": ["AAAA"]}),
    ] {
        assert!(is_refused(&ours, &theirs, changes).await);
    }
}

#[tokio::test]
async fn a_key_of_somebody_else_is_not_ours_whatever_it_is_called() {
    let (ours, theirs) = (Key::es256(), Key::es256());
    assert!(is_refused(&ours, &theirs, json!({})).await);
    assert!(is_refused(&ours, &theirs, json!({"kid": "theirs"})).await);
}
