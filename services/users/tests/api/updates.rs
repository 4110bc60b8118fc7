//! Changing an account that somebody else may change at the same time.

use futures::future::join_all;
use proto::users::v1 as pb;
use tonic::Code;

use crate::harness::{Service, refusal};

fn named(display_name: &str) -> pb::User {
    pb::User { display_name: display_name.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn only_what_the_mask_names_is_changed() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let wanted = pb::User { email: "other@example.com".to_owned(), ..named("Countess") };
    let changed = ada.update(&ada.user.id, wanted, &["display_name"], &ada.user.etag).await.unwrap();
    assert_eq!((changed.display_name.as_str(), changed.email.as_str()), ("Countess", "ada@example.com"));
    assert_ne!(changed.etag, ada.user.etag);
    assert!(changed.updated_at.unwrap().nanos != ada.user.updated_at.unwrap().nanos);
    assert_eq!(ada.get(&ada.user.id).await.unwrap(), changed);
}

#[tokio::test]
async fn an_old_etag_changes_nothing() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    ada.update(&ada.user.id, named("First"), &["display_name"], &ada.user.etag).await.unwrap();
    let late = ada.update(&ada.user.id, named("Second"), &["display_name"], &ada.user.etag).await;
    assert_eq!(refusal(late), (Code::FailedPrecondition, Some("ETAG_MISMATCH".to_owned())));
    assert_eq!(ada.get(&ada.user.id).await.unwrap().display_name, "First");
}

#[tokio::test]
async fn of_ten_changes_to_the_same_version_one_is_made() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let changes = (0..10).map(|_| ada.update(&ada.user.id, named("Countess"), &["display_name"], &ada.user.etag));
    let made = join_all(changes).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn a_change_without_an_etag_is_refused_and_a_star_is_any() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let blind = ada.update(&ada.user.id, named("Countess"), &["display_name"], "").await;
    assert_eq!(refusal(blind), (Code::FailedPrecondition, Some("ETAG_MISSING".to_owned())));
    assert!(ada.update(&ada.user.id, named("Countess"), &["display_name"], "*").await.is_ok());
}

#[tokio::test]
async fn an_email_that_somebody_has_cannot_be_taken_over() {
    let service = Service::start().await;
    let (ada, _eve) = (service.person("ada@example.com").await, service.person("eve@example.com").await);
    let wanted = pb::User { email: "EVE@example.com".to_owned(), ..Default::default() };
    let answer = ada.update(&ada.user.id, wanted, &["email"], &ada.user.etag).await;
    assert_eq!(refusal(answer).0, Code::AlreadyExists);
}

#[tokio::test]
async fn unacceptable_changes_are_named_and_change_nothing() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let answer = ada.update(&ada.user.id, pb::User::default(), &["email", "display_name", "id"], "*").await;
    let fields: Vec<_> = rpc::status::violations(&answer.unwrap_err()).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["email", "display_name", "update_mask"]);
    assert_eq!(ada.get(&ada.user.id).await.unwrap(), ada.user);
}

#[tokio::test]
async fn somebody_elses_account_cannot_be_changed() {
    let service = Service::start().await;
    let (ada, eve) = (service.person("ada@example.com").await, service.person("eve@example.com").await);
    let answer = eve.update(&ada.user.id, named("Mine"), &["display_name"], "*").await;
    assert_eq!(refusal(answer).0, Code::NotFound);
}
