//! Tokens that are good, and every way in which one is not.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::{
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Json, Router, http::StatusCode, response::IntoResponse, routing::get};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use discovery::{Registration, Registry};
use http::HeaderMap;
use identity::{Config, Error, Grant, Issuer, JwkSet, Mesh, Signer, Subject, Verifier};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

const MINUTE: Duration = Duration::from_secs(60);

fn issuer() -> Issuer {
    Issuer { token_issuer: "http://issuer".to_owned(), token_audience: "shop".to_owned() }
}

fn grant(subject: Uuid, lifetime: Duration) -> Grant {
    let scopes = "orders:read orders:write".parse().unwrap();
    Grant { subject: Subject::User(subject), client_id: "tests".to_owned(), scopes, lifetime }
}

fn signer() -> Signer {
    Signer::from_pkcs8(&Signer::generate().unwrap()).unwrap()
}

fn verifier(signer: &Signer) -> Verifier {
    Verifier::of_issuer(&issuer(), &JwkSet { keys: vec![signer.public_key()] })
}

/// A verifier that finds the issuer by its name.
fn verifier_through(registry: &Registry) -> Verifier {
    let config = Config {
        issuer: issuer(),
        token_jwks_url: "consul:///users/keys".parse().unwrap(),
        outside_issuers: Vec::new(),
    };
    Verifier::new(&config, registry, &Mesh::plain()).unwrap()
}

async fn refused(verifier: &Verifier, token: &str) -> bool {
    matches!(verifier.verify(&format!("Bearer {token}")).await, Err(Error::Invalid))
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn decoded(token: &str, part: usize) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').nth(part).unwrap()).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_good_token_names_its_subject() {
    let signer = signer();
    let subject = Uuid::now_v7();
    let token = signer.sign(&issuer(), &grant(subject, MINUTE)).unwrap();
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let caller = verifier(&signer).verify(&format!("{scheme} {token}")).await.unwrap();
        assert_eq!(caller.user(), Some(subject));
    }
}

#[tokio::test]
async fn a_caller_passes_its_token_on() {
    let signer = signer();
    let authorization = format!("Bearer {}", signer.sign(&issuer(), &grant(Uuid::now_v7(), MINUTE)).unwrap());
    let request = verifier(&signer).verify(&authorization).await.unwrap().request(());
    let value = request.metadata().get("authorization").unwrap();
    assert_eq!(value.to_str().unwrap(), authorization);
    assert!(value.is_sensitive());
}

#[tokio::test]
async fn a_token_of_somebody_else_or_for_somebody_else_is_refused() {
    let signer = signer();
    let others = [
        Issuer { token_issuer: "http://elsewhere".to_owned(), ..issuer() },
        Issuer { token_audience: "bank".to_owned(), ..issuer() },
    ];
    for other in others {
        let token = signer.sign(&other, &grant(Uuid::now_v7(), MINUTE)).unwrap();
        assert!(refused(&verifier(&signer), &token).await, "{other:?}");
    }
}

#[tokio::test]
async fn a_token_signed_with_another_key_is_refused() {
    let (ours, theirs) = (signer(), signer());
    let token = theirs.sign(&issuer(), &grant(Uuid::now_v7(), MINUTE)).unwrap();
    assert!(refused(&verifier(&ours), &token).await);
    // Not even when it claims our key.
    let (_, rest) = token.split_once('.').unwrap();
    let header = part(&json!({ "alg": "ES256", "typ": "at+jwt", "kid": ours.id() }));
    assert!(refused(&verifier(&ours), &format!("{header}.{rest}")).await);
}

#[tokio::test]
async fn an_expired_token_is_refused_after_the_leeway() {
    let key = Signer::generate().unwrap();
    let signer = Signer::from_pkcs8(&key).unwrap();
    let token = signer.sign(&issuer(), &grant(Uuid::now_v7(), Duration::ZERO)).unwrap();
    assert!(verifier(&signer).verify(&format!("Bearer {token}")).await.is_ok());
    let claims = decoded(&token, 1);
    let old = json!({ "exp": claims["exp"].as_i64().unwrap() - 31 });
    assert!(refused(&verifier(&signer), &resigned(&key, &claims, &old)).await);
}

#[tokio::test]
async fn a_token_that_is_not_yet_valid_is_refused() {
    let key = Signer::generate().unwrap();
    let signer = Signer::from_pkcs8(&key).unwrap();
    let claims = decoded(&signer.sign(&issuer(), &grant(Uuid::now_v7(), MINUTE)).unwrap(), 1);
    let early = json!({ "nbf": claims["iat"].as_i64().unwrap() + 40 });
    assert!(refused(&verifier(&signer), &resigned(&key, &claims, &early)).await);
}

#[tokio::test]
async fn a_changed_claim_or_algorithm_is_refused() {
    let signer = signer();
    let token = signer.sign(&issuer(), &grant(Uuid::now_v7(), MINUTE)).unwrap();
    let [header, claims, signature] = token.split('.').collect::<Vec<_>>().try_into().unwrap();
    let mut other = decoded(&token, 1);
    other["sub"] = json!(Uuid::now_v7());
    let none = part(&json!({ "alg": "none", "typ": "at+jwt", "kid": signer.id() }));
    let hmac = part(&json!({ "alg": "HS256", "typ": "at+jwt", "kid": signer.id() }));
    let untyped = part(&json!({ "alg": "ES256", "typ": "JWT", "kid": signer.id() }));
    let strange = [
        format!("{header}.{}.{signature}", part(&other)),
        format!("{none}.{claims}."),
        format!("{hmac}.{claims}.{signature}"),
        format!("{untyped}.{claims}.{signature}"),
        format!("{header}.{claims}"),
        format!("{header}.{claims}.{signature}.{signature}"),
        format!("{token}{}", "A".repeat(5000)),
        String::new(),
    ];
    for token in strange {
        assert!(refused(&verifier(&signer), &token).await, "{token}");
    }
}

#[tokio::test]
async fn without_exactly_one_authorization_there_is_no_caller() {
    let signer = signer();
    let token = format!("Bearer {}", signer.sign(&issuer(), &grant(Uuid::now_v7(), MINUTE)).unwrap());
    let mut metadata = HeaderMap::new();
    assert!(matches!(verifier(&signer).caller(&metadata).await, Err(Error::Missing)));
    metadata.append("authorization", token.parse().unwrap());
    assert!(verifier(&signer).caller(&metadata).await.is_ok());
    metadata.append("authorization", token.parse().unwrap());
    assert!(matches!(verifier(&signer).caller(&metadata).await, Err(Error::Invalid)));
}

#[tokio::test]
async fn keys_are_fetched_once_and_used_while_the_issuer_is_away() {
    let published = Published::new(vec![signer()]).await;
    let verifier = published.verifier();
    for _ in 0..5 {
        assert!(verifier.verify(&published.bearer(0)).await.is_ok());
    }
    published.is_down.store(true, Ordering::SeqCst);
    assert!(verifier.verify(&published.bearer(0)).await.is_ok());
    assert_eq!(published.fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn made_up_key_ids_do_not_hammer_the_issuer() {
    let published = Published::new(vec![signer()]).await;
    let verifier = published.verifier();
    assert!(verifier.verify(&published.bearer(0)).await.is_ok());
    let stranger = signer();
    for _ in 0..50 {
        let token = stranger.sign(&issuer(), &grant(Uuid::now_v7(), MINUTE)).unwrap();
        assert!(refused(&verifier, &token).await);
    }
    // The first, and one more if the loop took longer than the pause between two fetches.
    assert!(published.fetches.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn without_any_key_nobody_can_say() {
    let published = Published::new(vec![signer()]).await;
    published.is_down.store(true, Ordering::SeqCst);
    let answer = published.verifier().verify(&published.bearer(0)).await;
    assert!(matches!(answer, Err(Error::KeysUnavailable(_))));
}

#[tokio::test]
async fn keys_are_fetched_from_an_instance_of_the_issuer() {
    let published = Published::new(vec![signer()]).await;
    let registry = Registry::in_process();
    let verifier = verifier_through(&registry);
    let _registered = published.register(&registry);
    assert!(verifier.verify(&published.bearer(0)).await.is_ok());
    assert_eq!(published.fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn keys_are_fetched_from_the_next_instance_when_one_is_away() {
    let (first, second) = (Published::new(vec![signer()]).await, Published::new(vec![signer()]).await);
    let registry = Registry::in_process();
    let _registered = (first.register(&registry), second.register(&registry));
    first.is_down.store(true, Ordering::SeqCst);
    let verifier = verifier_through(&registry);
    assert!(verifier.verify(&second.bearer(0)).await.is_ok());
    assert_eq!(first.fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_instance_of_the_issuer_is_waited_for() {
    let published = Published::new(vec![signer()]).await;
    let registry = Registry::in_process();
    let verifier = verifier_through(&registry);
    let bearer = published.bearer(0);
    let mut verified = pin!(verifier.verify(&bearer));
    assert!(timeout(Duration::ZERO, &mut verified).await.is_err());
    let _registered = published.register(&registry);
    assert!(verified.await.is_ok());
}

/// The same claims with some replaced, signed again by the right key.
fn resigned(key: &[u8], claims: &Value, changes: &Value) -> String {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    let header = Header {
        typ: Some("at+jwt".to_owned()),
        kid: Some(Signer::from_pkcs8(key).unwrap().id().to_owned()),
        ..Header::new(Algorithm::ES256)
    };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(key)).unwrap()
}

/// An issuer's key set over HTTP, which counts who asks.
struct Published {
    signers: Vec<Signer>,
    address: SocketAddr,
    fetches: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
}

impl Published {
    async fn new(signers: Vec<Signer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let keys = JwkSet { keys: signers.iter().map(Signer::public_key).collect() };
        let (fetches, is_down) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, down) = (fetches.clone(), is_down.clone());
        let answer = async move || {
            count.fetch_add(1, Ordering::SeqCst);
            match down.load(Ordering::SeqCst) {
                true => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                false => Json(keys.clone()).into_response(),
            }
        };
        let router = Router::new().route("/keys", get(answer));
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { signers, address, fetches, is_down }
    }

    fn verifier(&self) -> Verifier {
        let token_jwks_url = format!("http://{}/keys", self.address).parse().unwrap();
        let config = Config { issuer: issuer(), token_jwks_url, outside_issuers: Vec::new() };
        Verifier::new(&config, &Registry::in_process(), &Mesh::plain()).unwrap()
    }

    /// Lets the issuer be found, until what is returned is dropped.
    fn register(&self, registry: &Registry) -> AbortOnDropHandle<()> {
        let address = self.address;
        let (registration, registry) = (Registration::http("users", "1.2.3", address, address), registry.clone());
        let register = async move { registry.register(registration, CancellationToken::new()).await };
        AbortOnDropHandle::new(tokio::spawn(register))
    }

    fn bearer(&self, signer: usize) -> String {
        format!("Bearer {}", self.signers[signer].sign(&issuer(), &grant(Uuid::now_v7(), MINUTE)).unwrap())
    }
}
