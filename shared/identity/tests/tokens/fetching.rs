//! The keys of an issuer: fetched once, kept, and asked for again with care.

use std::{pin::pin, time::Duration};

use discovery::Registry;
use identity::Error;
use serde_json::json;
use tokio::time::timeout;

use crate::published::{Answer, Published, STALE, pass, until, verifier};

#[tokio::test]
async fn keys_are_fetched_once_and_used_while_the_issuer_is_away() {
    let issuer = Published::new().await;
    let verifier = issuer.verifier();
    for _ in 0..5 {
        assert!(verifier.verify(&issuer.bearer()).await.is_ok());
    }
    issuer.answers(Answer::Away);
    assert!(verifier.verify(&issuer.bearer()).await.is_ok());
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn all_who_ask_at_once_wait_for_one_fetch() {
    let issuer = Published::new().await;
    let verifier = issuer.verifier();
    let all: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, bearer) = (verifier.clone(), issuer.bearer());
            tokio::spawn(async move { verifier.verify(&bearer).await.is_ok() })
        })
        .collect();
    for one in all {
        assert!(one.await.unwrap());
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn made_up_key_ids_do_not_hammer_the_issuer() {
    let issuer = Published::new().await;
    let verifier = issuer.verifier();
    assert!(verifier.verify(&issuer.bearer()).await.is_ok());
    pass(Duration::from_secs(4)).await;
    for n in 0..50 {
        assert!(matches!(verifier.verify(&issuer.bearer_by(&n.to_string())).await, Err(Error::Invalid)));
    }
    assert_eq!(issuer.fetches(), 2);
    pass(Duration::from_secs(4)).await;
    assert!(matches!(verifier.verify(&issuer.bearer_by("another")).await, Err(Error::Invalid)));
    assert_eq!(issuer.fetches(), 3);
}

#[tokio::test]
async fn a_new_key_is_known_as_soon_as_it_is_needed() {
    let issuer = Published::new().await;
    let verifier = issuer.verifier();
    assert!(verifier.verify(&issuer.bearer()).await.is_ok());
    issuer.answers(Answer::Keys(vec![issuer.key.jwk("key"), issuer.key.jwk("new")]));
    pass(Duration::from_secs(4)).await;
    assert!(verifier.verify(&issuer.bearer_by("new")).await.is_ok());
}

#[tokio::test]
async fn old_keys_are_good_at_once_while_new_ones_are_fetched() {
    let issuer = Published::new().await;
    let verifier = issuer.verifier();
    assert!(verifier.verify(&issuer.bearer()).await.is_ok());
    issuer.answers(Answer::Nothing);
    pass(STALE).await;
    for _ in 0..20 {
        let answer = timeout(Duration::from_millis(500), verifier.verify(&issuer.bearer())).await;
        assert!(answer.expect("nobody waits for an issuer that hangs").is_ok());
    }
    until(async || issuer.fetches() == 2).await;
}

#[tokio::test]
async fn an_issuer_that_hangs_is_asked_once_by_all_who_need_its_answer() {
    let issuer = Published::new().await;
    issuer.answers(Answer::Nothing);
    let verifier = issuer.verifier();
    let all: Vec<_> = (0..20)
        .map(|_| {
            let (verifier, bearer) = (verifier.clone(), issuer.bearer());
            tokio::spawn(async move { verifier.verify(&bearer).await })
        })
        .collect();
    for one in all {
        assert!(matches!(one.await.unwrap(), Err(Error::KeysUnavailable(_))));
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn without_any_key_nobody_can_say() {
    let issuer = Published::new().await;
    issuer.answers(Answer::Away);
    let verifier = issuer.verifier();
    let error = verifier.verify(&issuer.bearer()).await.err().unwrap();
    assert!(matches!(error, Error::KeysUnavailable(_)));
    assert_eq!(error.to_string(), "access tokens cannot be verified now");
    // It is tried again before long.
    issuer.answers(Answer::Keys(vec![issuer.key.jwk("key")]));
    until(async || verifier.verify(&issuer.bearer()).await.is_ok()).await;
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let issuer = Published::new().await;
    let padded = json!({"keys": [issuer.key.jwk("key")], "padding": "x".repeat(300 * 1024)}).to_string();
    issuer.answers(Answer::Text(padded));
    assert!(matches!(issuer.verifier().verify(&issuer.bearer()).await, Err(Error::KeysUnavailable(_))));
}

#[tokio::test]
async fn nonsense_does_not_replace_good_keys() {
    let issuer = Published::new().await;
    let verifier = issuer.verifier();
    assert!(verifier.verify(&issuer.bearer()).await.is_ok());
    let many = (0..65).map(|n| issuer.key.jwk(&n.to_string())).collect();
    for nonsense in [Answer::Text("<html>".to_owned()), Answer::Text("{}".to_owned()), Answer::Keys(many)] {
        issuer.answers(nonsense);
        let before = issuer.fetches();
        pass(Duration::from_secs(4)).await;
        assert!(verifier.verify(&issuer.bearer_by("unknown")).await.is_err());
        assert_eq!(issuer.fetches(), before + 1);
        assert!(verifier.verify(&issuer.bearer()).await.is_ok());
    }
}

#[tokio::test]
async fn nobody_is_sent_elsewhere_for_keys() {
    let (issuer, elsewhere) = (Published::new().await, Published::new().await);
    issuer.answers(Answer::Elsewhere(elsewhere.address));
    assert!(issuer.verifier().verify(&elsewhere.bearer()).await.is_err());
    assert_eq!((issuer.fetches(), elsewhere.fetches()), (1, 0));
}

#[tokio::test]
async fn keys_are_fetched_from_an_instance_of_the_issuer() {
    let issuer = Published::new().await;
    let registry = Registry::in_process();
    let verifier = verifier("consul:///users/keys", &registry);
    let _registered = issuer.register(&registry);
    assert!(verifier.verify(&issuer.bearer()).await.is_ok());
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn keys_are_fetched_from_an_address_behind_a_name() {
    let issuer = Published::new().await;
    let url = format!("dns:///127.0.0.1:{}/keys", issuer.address.port());
    assert!(verifier(&url, &Registry::in_process()).verify(&issuer.bearer()).await.is_ok());
}

#[tokio::test]
async fn keys_are_fetched_from_the_next_instance_when_one_is_away() {
    let (first, second) = (Published::new().await, Published::new().await);
    let registry = Registry::in_process();
    let _registered = (first.register(&registry), second.register(&registry));
    first.answers(Answer::Away);
    let verifier = verifier("consul:///users/keys", &registry);
    assert!(verifier.verify(&second.bearer()).await.is_ok());
    assert_eq!(first.fetches(), 1);
}

#[tokio::test]
async fn an_instance_of_the_issuer_is_waited_for() {
    let issuer = Published::new().await;
    let registry = Registry::in_process();
    let verifier = verifier("consul:///users/keys", &registry);
    let bearer = issuer.bearer();
    let mut verified = pin!(verifier.verify(&bearer));
    assert!(timeout(Duration::ZERO, &mut verified).await.is_err());
    let _registered = issuer.register(&registry);
    assert!(verified.await.is_ok());
}
