//! Tokens that somebody else has made, or changed, of our issuer's keys and names.

use http::HeaderMap;
use identity::{Caller, Error, Issuer, Verifier};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::forge::{Key, base64, but, now, set, token_with_secret};

/// Our issuer, whose key is called `ours`, and a good token of it.
struct Ours {
    key: Key,
    verifier: Verifier,
    header: Value,
    claims: Value,
}

impl Ours {
    fn new() -> Self {
        let key = Key::es256();
        let issuer = Issuer { token_issuer: "http://issuer".to_owned(), token_audience: "shop".to_owned() };
        let verifier = Verifier::of_issuer(&issuer, &set(&[key.jwk("ours")]));
        let header = json!({"alg": "ES256", "typ": "at+jwt", "kid": "ours"});
        let claims = json!({
            "iss": "http://issuer", "sub": Uuid::now_v7(), "aud": "shop", "exp": now() + 60, "iat": now(),
            "jti": Uuid::now_v7(), "client_id": "tests", "scope": "orders:read",
        });
        Self { key, verifier, header, claims }
    }

    fn good(&self) -> String {
        self.key.token(&self.header, &self.claims)
    }

    async fn verify(&self, token: &str) -> Result<Caller, Error> {
        self.verifier.verify(&format!("Bearer {token}")).await
    }

    /// Refused without a word of the reason, and not because nothing of this kind was good.
    #[track_caller]
    fn refuses(&self, token: &str) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            assert!(self.verify(&self.good()).await.is_ok(), "{place}");
            let answer = self.verify(token).await.map(|caller| caller.subject().to_string());
            assert!(matches!(answer, Err(Error::Invalid)), "{place}: {answer:?} of {token}");
            assert_eq!(answer.unwrap_err().to_string(), "the access token is not valid", "{place}");
        }
    }

    /// Signed by the right key, and so good but for this.
    async fn refuses_header(&self, changes: Value) {
        self.refuses(&self.key.token(&but(&self.header, changes), &self.claims)).await;
    }

    async fn refuses_claims(&self, changes: Value) {
        self.refuses(&self.key.token(&self.header, &but(&self.claims, changes))).await;
    }
}

#[tokio::test]
async fn a_token_that_nobody_has_signed_is_refused() {
    let ours = Ours::new();
    for none in ["none", "None", "NONE", ""] {
        let header = base64(but(&ours.header, json!({ "alg": none })).to_string().as_bytes());
        let claims = base64(ours.claims.to_string().as_bytes());
        for signature in ["", "AAAA"] {
            ours.refuses(&format!("{header}.{claims}.{signature}")).await;
        }
    }
}

#[tokio::test]
async fn the_public_key_is_no_secret_to_sign_with() {
    let ours = Ours::new();
    let header = but(&ours.header, json!({"alg": "HS256"}));
    let public = ours.key.public();
    let jwk = ours.key.jwk("ours").to_string();
    for secret in [public, &public[1..], base64(public).as_bytes(), jwk.as_bytes(), b""] {
        ours.refuses(&token_with_secret(secret, &header, &ours.claims)).await;
    }
}

#[tokio::test]
async fn a_shared_secret_among_the_keys_signs_nothing() {
    let ours = Ours::new();
    let secret = json!({"kty": "oct", "k": base64(b"secret"), "kid": "secret", "alg": "HS256"});
    ours.verifier.set_keys(&set(&[ours.key.jwk("ours"), secret]));
    for algorithm in ["HS256", "ES256"] {
        let header = but(&ours.header, json!({"alg": algorithm, "kid": "secret"}));
        ours.refuses(&token_with_secret(b"secret", &header, &ours.claims)).await;
    }
}

#[tokio::test]
async fn a_key_for_another_algorithm_or_purpose_signs_nothing() {
    let ours = Ours::new();
    for (key, changes) in [
        (Key::rs256(), json!({})),
        (Key::ed_dsa(), json!({})),
        (Key::es256(), json!({"use": "enc"})),
        (Key::es256(), json!({"alg": "ES384"})),
    ] {
        ours.verifier.set_keys(&set(&[ours.key.jwk("ours"), but(&key.jwk("other"), changes)]));
        let header = but(&ours.header, json!({"alg": key.algorithm(), "kid": "other"}));
        ours.refuses(&key.token(&header, &ours.claims)).await;
    }
}

#[tokio::test]
async fn a_token_of_another_issuer_is_refused() {
    let ours = Ours::new();
    let strange = [json!("http://elsewhere"), json!("http://issuer/"), json!("HTTP://ISSUER"), json!(""), json!(null)];
    for issuer in strange.into_iter().chain([json!(["http://issuer"]), json!({"http://issuer": 1}), json!(7)]) {
        ours.refuses_claims(json!({ "iss": issuer })).await;
    }
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused() {
    let ours = Ours::new();
    for audience in [json!("bank"), json!(["bank", "office"]), json!([]), json!(""), json!(null), json!({"shop": 1})] {
        ours.refuses_claims(json!({ "aud": audience })).await;
    }
}

#[tokio::test]
async fn a_token_for_several_is_for_each_of_them() {
    let ours = Ours::new();
    let claims = but(&ours.claims, json!({"aud": ["bank", "shop"]}));
    assert!(ours.verify(&ours.key.token(&ours.header, &claims)).await.is_ok());
}

#[tokio::test]
async fn a_token_without_an_end_or_past_it_is_refused() {
    let ours = Ours::new();
    for expiry in [json!(now() - 31), json!(0), json!(-1), json!(null), json!("never"), json!((now() + 60).to_string())]
    {
        ours.refuses_claims(json!({ "exp": expiry })).await;
    }
}

#[tokio::test]
async fn clocks_may_differ_by_half_a_minute() {
    let ours = Ours::new();
    for changes in [json!({"exp": now() - 28}), json!({"nbf": now() + 28}), json!({"exp": now() as f64 + 0.5})] {
        let token = ours.key.token(&ours.header, &but(&ours.claims, changes));
        assert!(ours.verify(&token).await.is_ok());
    }
}

#[tokio::test]
async fn a_token_before_its_time_is_refused() {
    let ours = Ours::new();
    for start in [json!(now() + 33), json!(u64::MAX), json!("soon")] {
        ours.refuses_claims(json!({ "nbf": start })).await;
    }
}

#[tokio::test]
async fn a_token_whose_claims_were_changed_is_refused() {
    let ours = Ours::new();
    let good = ours.good();
    let [header, _, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    for changes in [json!({"scope": "orders:read admin"}), json!({"sub": Uuid::now_v7()}), json!({"exp": now() + 61})] {
        let claims = base64(but(&ours.claims, changes).to_string().as_bytes());
        ours.refuses(&format!("{header}.{claims}.{signature}")).await;
    }
}

#[tokio::test]
async fn a_token_whose_signature_was_changed_is_refused() {
    let ours = Ours::new();
    let good = ours.good();
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let other = Key::es256().token(&ours.header, &ours.claims);
    let (_, others) = other.rsplit_once('.').unwrap();
    let zeros = base64(&[0; 64]);
    let reversed: String = signature.chars().rev().collect();
    for changed in ["", &reversed, &signature[4..], &format!("{signature}AAAA"), others, &zeros] {
        ours.refuses(&format!("{signed}.{changed}")).await;
    }
}

#[tokio::test]
async fn what_is_no_token_at_all_is_refused() {
    let ours = Ours::new();
    let good = ours.good();
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let nonsense = [
        String::new(),
        "..".to_owned(),
        "a.b.c".to_owned(),
        format!("{header}.{claims}"),
        format!("{good}.{signature}"),
        format!(" {good}"),
        format!("{good}="),
        format!("{header}.{}.{signature}", base64(b"[]")),
        ours.key.token_of(&ours.header, "{"),
        ours.key.token_of(&ours.header, &ours.claims.to_string().replacen('{', r#"{"iss": "http://issuer", "#, 1)),
        ours.key.token_of(&ours.header, &ours.claims.to_string().replacen('{', r#"{"sub": "eve", "#, 1)),
    ];
    for nonsense in nonsense {
        ours.refuses(&nonsense).await;
    }
}

#[tokio::test]
async fn a_token_that_is_too_long_is_refused() {
    let ours = Ours::new();
    ours.refuses_claims(json!({ "padding": "x".repeat(4096) })).await;
}

#[tokio::test]
async fn a_token_of_another_kind_is_refused() {
    let ours = Ours::new();
    for kind in ["JWT", "id+jwt", "at", "application/jwt", "text/at+jwt", "application/application/at+jwt", ""] {
        ours.refuses_header(json!({ "typ": kind })).await;
    }
    ours.refuses_header(json!({ "typ": null })).await;
}

#[tokio::test]
async fn a_media_type_may_be_written_out_and_in_any_case() {
    let ours = Ours::new();
    for kind in ["application/at+jwt", "AT+JWT", "Application/At+Jwt"] {
        let token = ours.key.token(&but(&ours.header, json!({ "typ": kind })), &ours.claims);
        assert!(ours.verify(&token).await.is_ok(), "{kind}");
    }
}

#[tokio::test]
async fn what_must_be_understood_and_is_not_is_refused() {
    let ours = Ours::new();
    ours.refuses_header(json!({"crit": ["exp"], "exp": now() + 60})).await;
    ours.refuses_header(json!({"crit": ["b64"], "b64": false})).await;
    ours.refuses_header(json!({"crit": []})).await;
}

#[tokio::test]
async fn a_subject_that_is_neither_an_account_nor_the_program_itself_is_refused() {
    let ours = Ours::new();
    for subject in [json!("eve"), json!(""), json!(null), json!(7), json!("00000000-0000-0000-0000-00000000000g")] {
        ours.refuses_claims(json!({ "sub": subject })).await;
    }
    // Nor is a program that has no name.
    ours.refuses_claims(json!({ "sub": "", "client_id": null })).await;
}

#[tokio::test]
async fn scopes_that_cannot_be_are_refused() {
    let ours = Ours::new();
    for scope in [json!("a\"b"), json!("a\u{0}"), json!(["admin"]), json!(7)] {
        ours.refuses_claims(json!({ "scope": scope })).await;
    }
}

#[tokio::test]
async fn without_exactly_one_authorization_there_is_no_caller() {
    let ours = Ours::new();
    let token = format!("Bearer {}", ours.good());
    let mut headers = HeaderMap::new();
    assert!(matches!(ours.verifier.caller(&headers).await, Err(Error::Missing)));
    headers.append("authorization", token.parse().unwrap());
    assert!(ours.verifier.caller(&headers).await.is_ok());
    headers.append("authorization", token.parse().unwrap());
    assert!(matches!(ours.verifier.caller(&headers).await, Err(Error::Invalid)));
}
