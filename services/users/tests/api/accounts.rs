//! Signing up, reading and deleting.

use futures::future::join_all;
use proto::users::v1 as pb;
use tonic::Code;
use uuid::Uuid;

use crate::harness::{Service, new_user, refusal};

#[tokio::test]
async fn whoever_signs_up_has_an_account() {
    let service = Service::start().await;
    let ada = service.person(" Ada@Example.com ").await;
    let user = ada.get(&ada.user.id).await.unwrap();
    assert_eq!(user.email, "ada@example.com");
    assert_eq!(user.display_name, "Ada Lovelace");
    assert_eq!(user, ada.user);
    assert_eq!(Uuid::parse_str(&user.id).unwrap().get_version_num(), 7);
}

#[tokio::test]
async fn a_taken_email_is_a_conflict() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let again = service.client.clone().register(new_user("ADA@example.com")).await;
    assert_eq!(refusal(again).0, Code::AlreadyExists);
}

#[tokio::test]
async fn of_ten_who_want_the_same_email_at_once_one_gets_it() {
    let service = Service::start().await;
    let attempts = (0..10).map(|_| {
        let mut client = service.client.clone();
        async move { client.register(new_user("ada@example.com")).await }
    });
    let answers = join_all(attempts).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.into_iter().filter_map(Result::err).all(|status| status.code() == Code::AlreadyExists));
}

#[tokio::test]
async fn every_unacceptable_value_is_named_at_once_and_nothing_is_written() {
    let service = Service::start().await;
    let nonsense = pb::RegisterRequest {
        email: format!("{}@example.com", "a".repeat(400)),
        display_name: "Ada\u{7}".to_owned(),
        password: "short".to_owned(),
    };
    let status = service.client.clone().register(nonsense).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    let fields: Vec<_> = rpc::status::violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["email", "display_name", "password"]);
    service.register("a@example.com").await;
}

#[tokio::test]
async fn somebody_elses_account_looks_like_none() {
    let service = Service::start().await;
    let (ada, eve) = (service.person("ada@example.com").await, service.person("eve@example.com").await);
    let others = eve.get(&ada.user.id).await.unwrap_err();
    let nobodys = eve.get(&Uuid::now_v7().to_string()).await.unwrap_err();
    assert_eq!((others.code(), others.message()), (nobodys.code(), nobodys.message()));
    assert_eq!(others.code(), Code::NotFound);
    assert_eq!(refusal(eve.delete(&ada.user.id).await).0, Code::NotFound);
    assert!(ada.get(&ada.user.id).await.is_ok());
}

#[tokio::test]
async fn a_deleted_account_is_gone_and_its_email_is_free() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    ada.delete(&ada.user.id).await.unwrap();
    assert_eq!(refusal(ada.get(&ada.user.id).await).0, Code::Unauthenticated);
    assert_eq!(refusal(ada.delete(&ada.user.id).await).0, Code::Unauthenticated);
    assert_ne!(service.register("ada@example.com").await.id, ada.user.id);
}

#[tokio::test]
async fn the_world_is_told_once_that_an_account_is_deleted() {
    let service = Service::start().await;
    let mut listener = service.bus.listen("users.v1");
    let (ada, eve) = (service.person("ada@example.com").await, service.person("eve@example.com").await);
    assert!(eve.delete(&ada.user.id).await.is_err());
    let answers = join_all((0..4).map(|_| ada.delete(&ada.user.id))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    let event = listener.next().await.unwrap();
    assert_eq!((event.kind.as_str(), event.source.as_str()), ("users.v1.UserDeleted", "/users"));
    assert_eq!(event.subject.to_string(), ada.user.id);
    let told: pb::UserDeleted = prost::Message::decode(event.data).unwrap();
    assert_eq!(told, pb::UserDeleted { user_id: ada.user.id });
    assert_eq!(service.ask::<i64>("select count(*) from events.outbox").await, 1);
}

#[tokio::test]
async fn a_malformed_id_is_a_bad_request() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    assert_eq!(refusal(ada.get("seven").await).0, Code::InvalidArgument);
}
