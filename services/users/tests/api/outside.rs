//! People who sign in elsewhere.

use std::time::Duration;

use futures::future::join_all;
use identity::{Grant, Outside, Subject};
use proto::users::v1 as pb;
use testkit::Tokens;
use tonic::Code;
use uuid::Uuid;

use crate::harness::{PASSWORD, Person, Service, refusal};

/// A service that believes another issuer as well, and someone who comes from there.
async fn start() -> (Service, Person, Tokens) {
    let elsewhere = Tokens::issuer().await;
    let (issuer, jwks) = (&elsewhere.config.issuer.token_issuer, "jwks.json");
    let setting =
        format!("issuer={issuer} jwks={issuer}/{jwks} audience=tests algorithm=ES256 scopes=users:read,users:write");
    let service = Service::start_with(|config| config.outside_issuers = vec![setting.parse().unwrap()]).await;
    let ada = known(&service, &elsewhere, Uuid::now_v7());
    (service, ada, elsewhere)
}

fn known(service: &Service, elsewhere: &Tokens, subject: Uuid) -> Person {
    let issuer = elsewhere.config.issuer.token_issuer.clone();
    let id = Outside { issuer, subject: subject.to_string() }.account().to_string();
    let grant = Grant {
        subject: Subject::User(subject),
        client_id: "app".to_owned(),
        scopes: "users:read users:write".parse().unwrap(),
        lifetime: Duration::from_secs(60),
    };
    let token = elsewhere.bearer_of(&grant).trim_start_matches("Bearer ").to_owned();
    Person::known(service, pb::User { id, ..Default::default() }, token)
}

#[tokio::test]
async fn whoever_signs_in_elsewhere_has_an_account_from_the_first_sight() {
    let (_service, ada, _elsewhere) = start().await;
    let user = ada.get(&ada.user.id).await.unwrap();
    assert_eq!((user.email.as_str(), user.display_name.as_str()), ("", "New customer"));
    assert_eq!(ada.get(&ada.user.id).await.unwrap(), user);
    let named = pb::User { display_name: "Ada".to_owned(), email: "ada@example.com".to_owned(), ..Default::default() };
    let changed = ada.update(&ada.user.id, named, &["display_name", "email"], &user.etag).await.unwrap();
    assert_eq!((changed.email.as_str(), changed.display_name.as_str()), ("ada@example.com", "Ada"));
}

#[tokio::test]
async fn of_ten_first_sights_at_once_one_account_comes() {
    let (service, ada, _elsewhere) = start().await;
    let answers = join_all((0..10).map(|_| ada.get(&ada.user.id))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(service.ask::<i64>("select count(*) from users").await, 1);
}

#[tokio::test]
async fn a_deleted_account_does_not_come_back_by_a_token_that_is_still_good() {
    let (service, ada, elsewhere) = start().await;
    ada.delete(&ada.user.id).await.unwrap();
    for _ in 0..2 {
        assert_eq!(refusal(ada.get(&ada.user.id).await).0, Code::Unauthenticated);
    }
    assert_eq!(service.ask::<i64>("select count(*) from users").await, 0);
    let eve = known(&service, &elsewhere, Uuid::now_v7());
    assert!(eve.get(&eve.user.id).await.is_ok());
}

#[tokio::test]
async fn nobody_signs_in_with_a_password_to_an_account_that_has_none() {
    let (service, ada, _elsewhere) = start().await;
    let told = pb::User { email: "ada@example.com".to_owned(), ..Default::default() };
    ada.update(&ada.user.id, told, &["email"], "*").await.unwrap();
    let credentials = pb::SignInRequest { email: "ada@example.com".to_owned(), password: PASSWORD.to_owned() };
    let status = service.client.clone().sign_in(credentials).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.message(), "the e-mail address or the password is wrong");
}

#[tokio::test]
async fn somebody_elses_account_looks_like_none_to_them_too() {
    let (service, ada, _elsewhere) = start().await;
    let eve = service.person("eve@example.com").await;
    assert_eq!(refusal(ada.get(&eve.user.id).await).0, Code::NotFound);
    ada.get(&ada.user.id).await.unwrap();
    assert_eq!(refusal(eve.get(&ada.user.id).await).0, Code::NotFound);
}
