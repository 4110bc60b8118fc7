//! Signing in, and the tokens that come of it.

use identity::Caller;
use proto::users::v1 as pb;
use serde_json::Value;
use tonic::{Code, Request};
use uuid::Uuid;

use crate::harness::{PASSWORD, SECRET, Service, refusal};

fn credentials(email: &str, password: &str) -> pb::SignInRequest {
    pb::SignInRequest { email: email.to_owned(), password: password.to_owned() }
}

async fn caller(service: &Service, token: &str) -> Result<Caller, identity::Error> {
    service.verifier().verify(&format!("Bearer {token}")).await
}

#[tokio::test]
async fn the_right_password_gives_a_token_that_others_can_verify() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let user = caller(&service, &ada.token).await.unwrap().user();
    assert_eq!(user, Uuid::parse_str(&ada.user.id).ok());
}

#[tokio::test]
async fn a_token_is_good_for_five_minutes() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let answer = service.client.clone().sign_in(credentials("ada@example.com", PASSWORD)).await.unwrap();
    assert_eq!(answer.into_inner().expires_in, 300);
}

#[tokio::test]
async fn what_is_wrong_with_the_credentials_is_not_told() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let long = "x".repeat(300);
    let wrong = [
        ("ada@example.com", "wrong password"),
        ("eve@example.com", PASSWORD),
        ("ada", "x"),
        ("ada@example.com", &long),
    ];
    for (email, password) in wrong {
        let status = service.client.clone().sign_in(credentials(email, password)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unauthenticated, "{email}");
        assert_eq!(status.message(), "the e-mail address or the password is wrong", "{email}");
    }
}

#[tokio::test]
async fn without_a_good_token_there_is_no_account() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let tampered = format!("{}x", ada.token);
    let strange = ["", "Bearer", "Basic YWRhOmFkYQ==", "Bearer a.b.c", &format!("Bearer {tampered}")];
    for authorization in strange {
        let mut request = Request::new(pb::GetUserRequest { id: ada.user.id.clone() });
        request.metadata_mut().insert("authorization", authorization.parse().unwrap());
        let answer = service.client.clone().get_user(request).await;
        assert_eq!(refusal(answer).0, Code::Unauthenticated, "{authorization}");
    }
    let anonymous = service.client.clone().get_user(pb::GetUserRequest { id: ada.user.id.clone() }).await;
    assert_eq!(refusal(anonymous).0, Code::Unauthenticated);
}

#[tokio::test]
async fn the_published_keys_have_no_private_part() {
    let service = Service::start().await;
    let url = format!("http://{}/.well-known/jwks.json", service.http);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(url).send().await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "public, max-age=30");
    let keys: Value = answer.json().await.unwrap();
    let key = &keys["keys"][0];
    assert_eq!(
        (&key["kty"], &key["crv"], &key["alg"], &key["use"]),
        (&"EC".into(), &"P-256".into(), &"ES256".into(), &"sig".into())
    );
    assert!(key["kid"].is_string());
    assert!(key.get("d").is_none());
}

#[tokio::test]
async fn a_token_outlives_a_restart() {
    let first = Service::start().await;
    let ada = first.person("ada@example.com").await;
    let second = Service::start_on(first.config.database.clone(), SECRET).await.unwrap();
    assert!(caller(&second, &ada.token).await.is_ok());
}

#[tokio::test]
async fn replicas_that_start_together_sign_with_one_key() {
    let database = testkit::private_database(&users::MIGRATIONS).await;
    let (one, two) = tokio::join!(Service::start_on(database.clone(), SECRET), Service::start_on(database, SECRET));
    let (one, two) = (one.unwrap(), two.unwrap());
    one.register("ada@example.com").await;
    assert!(caller(&two, &one.sign_in("ada@example.com").await).await.is_ok());
}

#[tokio::test]
async fn with_another_secret_the_service_does_not_start() {
    let service = Service::start().await;
    let other = Service::start_on(service.config.database.clone(), "another secret, also long enough for it").await;
    let problem = format!("{:#}", other.err().unwrap());
    assert!(problem.contains("KEY_SECRET is not the secret"), "{problem}");
}
