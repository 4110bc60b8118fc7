//! The same request again.

use futures::future::join_all;
use tonic::Code;

use crate::harness::{Service, refusal};

const KEY: &str = "2f4c1c86-0b4e-4b1e-9a52-0c9d5f5d8a11";

#[tokio::test]
async fn the_same_key_with_the_same_items_has_the_first_answer() {
    let service = Service::start().await;
    let ada = service.person();
    let first = ada.place_with_key(&[("TABLE-OAK", 1), ("BOX-OAK", 2)], KEY).await.unwrap();
    let again = ada.place_with_key(&[("BOX-OAK", 2), ("TABLE-OAK", 1)], KEY).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(service.stock("TABLE-OAK").await, 19);
}

#[tokio::test]
async fn the_first_answer_stays_the_same_when_the_order_has_changed() {
    let service = Service::start().await;
    let ada = service.person();
    let first = ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap();
    ada.cancel(&first.id).await.unwrap();
    assert_eq!(ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap(), first);
    assert_eq!(service.stock("TABLE-OAK").await, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_at_the_same_moment_are_one_order() {
    let service = Service::start().await;
    let ada = service.person();
    let attempts = (0..20).map(|_| {
        let ada = ada.clone();
        tokio::spawn(async move { ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap() })
    });
    let answers: Vec<_> = join_all(attempts).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(service.stock("TABLE-OAK").await, 19);
}

#[tokio::test]
async fn the_same_key_with_other_items_is_refused() {
    let service = Service::start().await;
    let ada = service.person();
    ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap();
    for others in [&[("TABLE-OAK", 2)][..], &[("TABLE-ASH", 1)], &[("TABLE-OAK", 1), ("BOX-OAK", 1)]] {
        let answer = ada.place_with_key(others, KEY).await;
        assert_eq!(refusal(answer), (Code::FailedPrecondition, Some("IDEMPOTENCY_KEY_REUSED".to_owned())));
    }
    assert_eq!(service.stock("TABLE-OAK").await, 19);
}

#[tokio::test]
async fn a_failed_attempt_does_not_poison_the_key() {
    let service = Service::start().await;
    let ada = service.person();
    service.sql("update products set stock = 0 where sku = 'TABLE-OAK'").await;
    let failed = ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await;
    assert_eq!(refusal(failed).1.as_deref(), Some("OUT_OF_STOCK"));
    service.sql("update products set stock = 1 where sku = 'TABLE-OAK'").await;
    ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap();
}

#[tokio::test]
async fn who_has_bought_the_last_piece_has_the_same_answer_again() {
    let service = Service::start().await;
    let ada = service.person();
    let first = ada.place_with_key(&[("TABLE-OAK", 20)], KEY).await.unwrap();
    assert_eq!(ada.place_with_key(&[("TABLE-OAK", 20)], KEY).await.unwrap(), first);
    let other = ada.place_with_key(&[("TABLE-OAK", 21)], KEY).await;
    assert_eq!(refusal(other).1.as_deref(), Some("IDEMPOTENCY_KEY_REUSED"));
}

#[tokio::test]
async fn keys_belong_to_a_user() {
    let service = Service::start().await;
    let (ada, eve) = (service.person(), service.person());
    let adas = ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap();
    let eves = eve.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap();
    assert_ne!(adas.id, eves.id);
    assert_eq!(service.stock("TABLE-OAK").await, 18);
}

#[tokio::test]
async fn after_a_day_a_key_is_free_again() {
    let service = Service::start().await;
    let ada = service.person();
    let first = ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap();
    service.sql("update idempotency_keys set created_at = created_at - interval '24 hours 1 second'").await;
    let second = ada.place_with_key(&[("TABLE-OAK", 1)], KEY).await.unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(service.count("select count(*) from idempotency_keys").await, 1);
}
