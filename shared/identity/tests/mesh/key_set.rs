//! The issuer's keys, where the issuer is a service that proves who it is.

use axum::{Json, Router, routing::get};
use discovery::{Registration, Registry};
use identity::{
    Config, Error, Grant, Issuer, JwkSet, Signer, Subject, Verifier,
    mesh::{Listener, Protocol},
};
use testkit::{Authority, authority::services};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// A user's token, and what becomes of it where the keys are published by `issuer`.
async fn verify_by(authority: &Authority, issuer: &str) -> Result<(), Error> {
    let signer = Signer::from_pkcs8(&Signer::generate().unwrap()).unwrap();
    let keys = JwkSet { keys: vec![signer.public_key()] };
    let (listener, address) = testkit::listener().await;
    let acceptor = authority.mesh(issuer).acceptor(&services(&["orders"]), Protocol::Http1);
    let router = Router::new().route("/keys", get(async move || Json(keys.clone())));
    tokio::spawn(axum::serve(Listener::new(listener, acceptor), router).into_future());
    let registry = Registry::in_process();
    let registration = Registration::grpc("users", "test", address, address).with_http(address);
    let found = registry.clone();
    tokio::spawn(async move { found.register(registration, CancellationToken::new()).await });

    let issuer = Issuer { token_issuer: "http://tests".to_owned(), token_audience: "tests".to_owned() };
    let grant = Grant {
        subject: Subject::User(Uuid::now_v7()),
        client_id: "tests".to_owned(),
        scopes: "users:read".parse().unwrap(),
        lifetime: std::time::Duration::from_secs(60),
    };
    let token = signer.sign(&issuer, &grant).unwrap();
    let token_jwks_url = "consul:///users/keys".parse().unwrap();
    let config = Config { issuer, token_jwks_url, outside_issuers: Vec::new() };
    let verifier = Verifier::new(&config, &registry, &authority.mesh("orders")).unwrap();
    verifier.verify(&format!("Bearer {token}")).await.map(drop)
}

#[tokio::test]
async fn are_fetched_from_it() {
    verify_by(&Authority::new(), "users").await.unwrap();
}

#[tokio::test]
async fn are_not_taken_from_somebody_else() {
    let error = verify_by(&Authority::new(), "gateway").await.unwrap_err();
    assert!(matches!(error, Error::KeysUnavailable(_)), "{error}");
    assert_eq!(error.to_string(), "access tokens cannot be verified now");
}
