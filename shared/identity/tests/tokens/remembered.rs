//! Tokens that were verified before: for as long as they would be good without that.

use identity::{Error, Issuer, Verifier};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    forge::{Key, base64, but, now, set},
    published::{Answer, Published, STALE, pass, until},
};

#[tokio::test]
async fn a_token_goes_with_the_key_that_its_issuer_withdraws() {
    let issuer = Published::new().await;
    let (verifier, bearer) = (issuer.verifier(), issuer.bearer());
    assert!(verifier.verify(&bearer).await.is_ok());
    issuer.answers(Answer::Keys(vec![Key::es256().jwk("new")]));
    pass(STALE).await;
    // Whoever comes first is still let in, and makes the keys be fetched.
    assert!(verifier.verify(&bearer).await.is_ok());
    until(async || matches!(verifier.verify(&bearer).await, Err(Error::Invalid))).await;
}

#[tokio::test]
async fn a_token_goes_with_the_key_that_we_withdraw_ourselves() {
    let (key, claims) = (Key::es256(), claims());
    let verifier = verifier(&key);
    let bearer = bearer(&key, &claims);
    assert!(verifier.verify(&bearer).await.is_ok());
    verifier.set_keys(&set(&[key.jwk("key"), Key::es256().jwk("new")]));
    assert!(verifier.verify(&bearer).await.is_ok());
    verifier.set_keys(&set(&[Key::es256().jwk("new")]));
    assert!(matches!(verifier.verify(&bearer).await, Err(Error::Invalid)));
}

#[tokio::test]
async fn a_token_that_is_over_is_not_remembered() {
    let key = Key::es256();
    let verifier = verifier(&key);
    // Good for a second or two, with the half minute by which clocks may differ.
    let bearer = bearer(&key, &but(&claims(), json!({"exp": now() - 29})));
    assert!(verifier.verify(&bearer).await.is_ok());
    until(async || matches!(verifier.verify(&bearer).await, Err(Error::Invalid))).await;
}

#[tokio::test]
async fn a_token_that_is_remembered_does_not_vouch_for_one_that_is_almost_the_same() {
    let (key, claims) = (Key::es256(), claims());
    let verifier = verifier(&key);
    let good = bearer(&key, &claims);
    assert!(verifier.verify(&good).await.is_ok());
    let [header, _, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = base64(but(&claims, json!({"scope": "admin"})).to_string().as_bytes());
    for changed in
        [format!("{header}.{other}.{signature}"), good.to_uppercase(), format!("{good} "), good.replace(' ', "  ")]
    {
        assert!(matches!(verifier.verify(&changed).await, Err(Error::Invalid)), "{changed}");
    }
    assert!(verifier.verify(&good).await.is_ok());
}

fn verifier(key: &Key) -> Verifier {
    let issuer = Issuer { token_issuer: "http://issuer".to_owned(), token_audience: "shop".to_owned() };
    Verifier::of_issuer(&issuer, &set(&[key.jwk("key")]))
}

fn claims() -> Value {
    json!({"iss": "http://issuer", "sub": Uuid::now_v7(), "aud": "shop", "exp": now() + 60, "client_id": "tests"})
}

fn bearer(key: &Key, claims: &Value) -> String {
    format!("Bearer {}", key.token(&json!({"alg": "ES256", "typ": "at+jwt", "kid": "key"}), claims))
}
