//! Signing keys: each in its turn, and nobody surprised by one.

use std::collections::BTreeSet;

use discovery::Registry;
use events::Bus;
use serde_json::Value;
use users::Users;

use crate::harness::{Person, SECRET, Service};

/// As `users rotate-keys` does.
async fn rotate(service: &Service) -> anyhow::Result<()> {
    Users::build(&service.config, &Registry::in_process(), &Bus::in_process(&[])).await.unwrap().rotate_keys().await
}

/// The ids of the published keys.
pub async fn published(service: &Service) -> BTreeSet<String> {
    let keys: Value = serde_json::from_str(&service.get("/.well-known/jwks.json").await.body).unwrap();
    keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Another replica, or the same after its next look at the database.
async fn later(service: &Service) -> Service {
    Service::start_on(service.config.database.clone(), SECRET).await.unwrap()
}

fn key_of(token: &str) -> String {
    let header = jsonwebtoken::decode_header(token).unwrap();
    header.kid.unwrap()
}

#[tokio::test]
async fn a_new_key_is_published_before_it_signs_and_the_old_one_after() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    rotate(&service).await.unwrap();
    let warned = later(&service).await;
    assert_eq!(published(&warned).await.len(), 2);
    assert_eq!(key_of(&warned.sign_in("ada@example.com").await), key_of(&ada.token));

    service.sql("update signing_keys set signs_from = signs_from - interval '60 seconds'").await;
    let turned = later(&service).await;
    let token = turned.sign_in("ada@example.com").await;
    assert_ne!(key_of(&token), key_of(&ada.token));
    for replica in [&turned, &warned] {
        for token in [&token, &ada.token] {
            assert!(replica.verifier().verify(&format!("Bearer {token}")).await.is_ok());
            let person = Person::known(replica, ada.user.clone(), token.clone());
            assert!(person.get(&ada.user.id).await.is_ok());
        }
    }
}

#[tokio::test]
async fn an_old_key_is_gone_when_its_tokens_are() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    rotate(&service).await.unwrap();
    service.sql("update signing_keys set signs_from = signs_from - interval '6 minutes'").await;
    let replica = later(&service).await;
    assert!(published(&replica).await.contains(&key_of(&ada.token)));
    service.sql("update signing_keys set signs_from = signs_from - interval '3 minutes'").await;
    let replica = later(&service).await;
    while published(&replica).await.contains(&key_of(&ada.token)) {}
    assert_eq!(published(&replica).await.len(), 1);
    let late = Person::known(&replica, ada.user.clone(), ada.token.clone());
    assert!(late.get(&ada.user.id).await.is_err());
}

#[tokio::test]
async fn a_key_whose_turn_is_over_is_followed_by_one_however_many_replicas_there_are() {
    let service = Service::start().await;
    service.sql("update signing_keys set signs_from = signs_from - interval '720 hours'").await;
    let replicas = tokio::join!(later(&service), later(&service), later(&service));
    for replica in [&replicas.0, &replicas.1, &replicas.2] {
        while published(replica).await.len() < 2 {}
    }
    assert_eq!(service.ask::<i64>("select count(*) from signing_keys").await, 2);
}

#[tokio::test]
async fn of_two_who_rotate_at_once_one_does() {
    let service = Service::start().await;
    let (one, other) = (
        Users::build(&service.config, &Registry::in_process(), &Bus::in_process(&[])).await.unwrap(),
        Users::build(&service.config, &Registry::in_process(), &Bus::in_process(&[])).await.unwrap(),
    );
    for round in 2..5 {
        let outcomes = tokio::join!(one.rotate_keys(), other.rotate_keys());
        let made = [&outcomes.0, &outcomes.1].into_iter().filter(|outcome| outcome.is_ok()).count();
        let keys = service.ask::<i64>("select count(*) from signing_keys").await;
        assert!(made >= 1, "{outcomes:?}");
        assert!(keys >= round, "{keys}");
        assert_eq!(service.ask::<i64>("select count(*) - max(generation) from signing_keys").await, 0);
        assert_eq!(service.ask::<i64>("select count(*) from signing_keys where retired_at is null").await, 1);
    }
}
