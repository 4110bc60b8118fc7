//! Refresh tokens: each is good once.

use proto::users::v1 as pb;

use crate::{
    harness::{PASSWORD, Person, Service},
    web::REDIRECT,
};

fn refused() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

/// Someone with a session of our own: the access and the refresh token.
async fn session(service: &Service, email: &str) -> pb::SignInResponse {
    let credentials = pb::SignInRequest { email: email.to_owned(), password: PASSWORD.to_owned() };
    service.client.clone().sign_in(credentials).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_session_is_renewed_again_and_again() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let session = session(&service, "ada@example.com").await;
    assert_eq!(session.scope, "orders:read orders:write users:read users:write");
    let mut token = session.refresh_token;
    for _ in 0..3 {
        let answer = service.refresh("joist", &token).await;
        assert_eq!(answer.tokens()["scope"], session.scope);
        assert_ne!(answer.refresh_token(), token);
        token = answer.refresh_token();
        let again = Person::known(&service, ada.user.clone(), answer.access_token());
        assert!(again.get(&ada.user.id).await.is_ok());
    }
}

#[tokio::test]
async fn a_token_that_comes_twice_ends_the_whole_family() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let first = session(&service, "ada@example.com").await.refresh_token;
    let unrelated = session(&service, "ada@example.com").await.refresh_token;
    let second = service.refresh("joist", &first).await.refresh_token();
    assert_eq!(service.refresh("joist", &first).await.error(), refused());
    assert_eq!(service.refresh("joist", &second).await.error(), refused());
    assert_eq!(service.refresh("joist", &unrelated).await.status, 200);
}

#[tokio::test]
async fn of_two_refreshes_at_once_one_wins_and_the_family_ends() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    for _ in 0..5 {
        let token = session(&service, "ada@example.com").await.refresh_token;
        let (one, other) = tokio::join!(service.refresh("joist", &token), service.refresh("joist", &token));
        let (winner, loser) = if one.status == 200 { (one, other) } else { (other, one) };
        assert_eq!(loser.error(), refused());
        assert_eq!(service.refresh("joist", &winner.refresh_token()).await.error(), refused());
    }
}

#[tokio::test]
async fn a_token_is_of_no_use_to_another_client() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    let secret = service.add_client("web-app", false, "orders:read", &[REDIRECT]).await.unwrap();
    service.register("ada@example.com").await;
    let token = session(&service, "ada@example.com").await.refresh_token;
    assert_eq!(service.refresh("shop-app", &token).await.error(), refused());
    let form = [
        ("grant_type", "refresh_token"),
        ("client_id", "web-app"),
        ("client_secret", secret.as_str()),
        ("refresh_token", token.as_str()),
    ];
    assert_eq!(service.token(&form).await.error(), refused());
    assert_eq!(service.refresh("joist", &token).await.status, 200);
}

#[tokio::test]
async fn the_scope_can_be_narrowed_for_one_token_but_never_widened() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let token = session(&service, "ada@example.com").await.refresh_token;
    let with_scope = async |token: &str, scope: &str| {
        let form =
            [("grant_type", "refresh_token"), ("client_id", "joist"), ("refresh_token", token), ("scope", scope)];
        service.token(&form).await
    };
    assert_eq!(with_scope(&token, "admin").await.error(), (400, "invalid_scope".to_owned()));
    let narrow = with_scope(&token, "orders:read admin").await;
    assert_eq!(narrow.tokens()["scope"], "orders:read");
    let wide = service.refresh("joist", &narrow.refresh_token()).await;
    assert_eq!(wide.tokens()["scope"], "orders:read orders:write users:read users:write");
}

#[tokio::test]
async fn an_idle_session_ends_after_two_weeks_and_any_after_ninety_days() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let token = session(&service, "ada@example.com").await.refresh_token;
    service.sql("update refresh_families set expires_at = expires_at - interval '14 days'").await;
    assert_eq!(service.refresh("joist", &token).await.error(), refused());

    let token = session(&service, "ada@example.com").await.refresh_token;
    service
        .sql("update refresh_families set created_at = created_at - interval '90 days' where expires_at > now()")
        .await;
    let last = service.refresh("joist", &token).await.refresh_token();
    assert_eq!(service.refresh("joist", &last).await.error(), refused());
}

#[tokio::test]
async fn with_an_account_go_its_tokens() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let token = session(&service, "ada@example.com").await.refresh_token;
    ada.delete(&ada.user.id).await.unwrap();
    assert_eq!(service.refresh("joist", &token).await.error(), refused());
    assert!(ada.get(&ada.user.id).await.is_err());
    assert_eq!(service.ask::<i64>("select count(*) from refresh_tokens").await, 0);
}

#[tokio::test]
async fn what_is_stored_refreshes_nothing() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let token = session(&service, "ada@example.com").await.refresh_token;
    let stored: String =
        service.ask("select encode(hash, 'escape') || encode(hash, 'base64') from refresh_tokens").await;
    assert!(!stored.contains(&token), "{stored}");
    assert_eq!(token.len(), 43);
}

#[tokio::test]
async fn a_revoked_token_and_those_after_it_are_gone() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let first = session(&service, "ada@example.com").await.refresh_token;
    let second = service.refresh("joist", &first).await.refresh_token();
    let answer = service.post("/oauth/revoke", &[("client_id", "joist"), ("token", &second)]).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(service.refresh("joist", &second).await.error(), refused());
}

#[tokio::test]
async fn revoking_tells_nobody_what_is_not_theirs() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    let session = session(&service, "ada@example.com").await;
    for token in [session.refresh_token.as_str(), "unknown"] {
        let answer = service.post("/oauth/revoke", &[("client_id", "shop-app"), ("token", token)]).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{token}");
    }
    assert_eq!(service.refresh("joist", &session.refresh_token).await.status, 200);
    let revoke = async |form: &[(&str, &str)]| service.post("/oauth/revoke", form).await.error();
    let unsupported = revoke(&[("client_id", "joist"), ("token", &session.access_token)]).await;
    assert_eq!(unsupported, (400, "unsupported_token_type".to_owned()));
    assert_eq!(revoke(&[("client_id", "joist")]).await, (400, "invalid_request".to_owned()));
    assert_eq!(revoke(&[("client_id", "nobody"), ("token", "x")]).await, (401, "invalid_client".to_owned()));
    assert_eq!(revoke(&[("token", "x")]).await, (401, "invalid_client".to_owned()));
}
