//! Signing in for a program: the code that it gets, and what nobody else can do with it.

use identity::Subject;
use uuid::Uuid;

use crate::{
    harness::{PASSWORD, Person, Service},
    web::{CHALLENGE, REDIRECT, VERIFIER, authorization, exchange, with},
};

#[tokio::test]
async fn a_code_with_its_verifier_becomes_tokens_that_are_good_for_a_call() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    let user = service.register("ada@example.com").await;
    let answer = service.submit(&authorization("shop-app"), "ada@example.com", PASSWORD).await.location();
    assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), ("a state", "http://tests"));

    let answer = service.exchange("shop-app", &answer["code"]).await;
    let tokens = answer.tokens();
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&"Bearer".into(), &300.into()));
    assert_eq!(tokens["scope"], "orders:read orders:write users:read users:write");
    let caller = service.verifier().verify(&format!("Bearer {}", answer.access_token())).await.unwrap();
    assert_eq!(caller.subject(), &Subject::User(Uuid::parse_str(&user.id).unwrap()));
    assert_eq!(
        (caller.client_id(), caller.scopes().to_string()),
        ("shop-app", tokens["scope"].as_str().unwrap().into())
    );
    let ada = Person::known(&service, user.clone(), answer.access_token());
    assert_eq!(ada.get(&user.id).await.unwrap(), user);
}

#[tokio::test]
async fn a_program_gets_what_it_asked_for_and_no_more() {
    let service = Service::start().await;
    service.add_client("orders-app", true, "orders:read orders:write", &[REDIRECT]).await;
    service.register("ada@example.com").await;
    let asked = with(authorization("orders-app"), "scope", "orders:read users:read admin");
    let code = service.submit(&asked, "ada@example.com", PASSWORD).await.location()["code"].clone();
    assert_eq!(service.exchange("orders-app", &code).await.tokens()["scope"], "orders:read");
}

#[tokio::test]
async fn only_an_administrator_gets_the_power_of_one_and_only_by_asking() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    let asked = with(authorization("shop-app"), "scope", "admin");
    let refused = service.submit(&asked, "ada@example.com", PASSWORD).await.location();
    assert_eq!((refused["error"].as_str(), refused.get("code")), ("invalid_scope", None));

    service.sql("update users set is_admin = true").await;
    let code = service.submit(&asked, "ada@example.com", PASSWORD).await.location()["code"].clone();
    let tokens = service.exchange("shop-app", &code).await;
    assert_eq!(tokens.tokens()["scope"], "admin");
    let code = service.code("shop-app", "ada@example.com").await;
    let scope = service.exchange("shop-app", &code).await.tokens()["scope"].clone();
    assert!(!scope.as_str().unwrap().contains("admin"), "{scope}");

    service.sql("update users set is_admin = false").await;
    assert_eq!(service.refresh("shop-app", &tokens.refresh_token()).await.tokens()["scope"], "");
}

#[tokio::test]
async fn a_code_that_comes_twice_ends_what_it_was_given_for() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    let code = service.code("shop-app", "ada@example.com").await;
    let token = service.exchange("shop-app", &code).await.refresh_token();
    assert_eq!(service.exchange("shop-app", &code).await.error(), (400, "invalid_grant".to_owned()));
    assert_eq!(service.refresh("shop-app", &token).await.error(), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn of_two_who_bring_a_code_at_once_nobody_keeps_tokens() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    let code = service.code("shop-app", "ada@example.com").await;
    let (one, other) = tokio::join!(service.exchange("shop-app", &code), service.exchange("shop-app", &code));
    let (winner, loser) = if one.status == 200 { (one, other) } else { (other, one) };
    assert_eq!(loser.error(), (400, "invalid_grant".to_owned()));
    assert_eq!(service.refresh("shop-app", &winner.refresh_token()).await.status, 400);
}

#[tokio::test]
async fn a_code_is_good_for_a_minute() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    let code = service.code("shop-app", "ada@example.com").await;
    service.sql("update authorization_codes set expires_at = expires_at - interval '59 seconds'").await;
    assert_eq!(service.exchange("shop-app", &code).await.status, 200);
    let code = service.code("shop-app", "ada@example.com").await;
    service.sql("update authorization_codes set expires_at = expires_at - interval '60 seconds'").await;
    assert_eq!(service.exchange("shop-app", &code).await.error(), (400, "invalid_grant".to_owned()));
}

#[tokio::test]
async fn whoever_has_stolen_a_code_can_do_nothing_with_it() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.add_app("evil-app").await;
    service.register("ada@example.com").await;
    let code = service.code("shop-app", "ada@example.com").await;
    let right = exchange("shop-app", &code);
    let other = VERIFIER.replace('d', "e");
    let wrong = [
        ("code_verifier", other.as_str(), "invalid_grant"),
        ("code_verifier", CHALLENGE, "invalid_grant"),
        ("code_verifier", "short", "invalid_grant"),
        ("code_verifier", "", "invalid_request"),
        ("redirect_uri", "https://app.example/other", "invalid_grant"),
        ("redirect_uri", "", "invalid_request"),
        ("client_id", "evil-app", "invalid_grant"),
        ("code", CHALLENGE, "invalid_grant"),
        ("code", "", "invalid_request"),
    ];
    for (name, value, error) in wrong {
        let answer = service.token(&with(right.clone(), name, value)).await;
        assert_eq!(answer.error(), (400, error.to_owned()), "{name}={value}");
    }
    // Nothing of it was held against its owner.
    assert_eq!(service.token(&right).await.status, 200);
}

#[tokio::test]
async fn a_parameter_that_comes_twice_is_refused() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    let code = service.code("shop-app", "ada@example.com").await;
    for (name, value) in [("code", "x"), ("client_id", "shop-app"), ("unknown", "x"), ("code_verifier", VERIFIER)] {
        let twice = [exchange("shop-app", &code), vec![(name, value)], vec![(name, value)]].concat();
        assert_eq!(service.token(&twice).await.error(), (400, "invalid_request".to_owned()), "{name}");
    }
}

#[tokio::test]
async fn what_a_program_does_wrong_it_is_told() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    let right = authorization("shop-app");
    let wrong = [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("scope", "everything", "invalid_scope"),
        ("scope", "a\"b", "invalid_scope"),
    ];
    for (name, value, error) in wrong {
        let answer = service.show(&with(right.clone(), name, value)).await.location();
        assert_eq!(answer["error"], error, "{name}={value}");
        assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), ("a state", "http://tests"));
    }
    let twice = [right, vec![("scope", "orders:read"), ("scope", "admin")]].concat();
    assert_eq!(service.show(&twice).await.location()["error"], "invalid_request");
}

#[tokio::test]
async fn nobody_is_sent_to_a_place_that_is_not_the_programs() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    let right = authorization("shop-app");
    let wrong = [
        ("client_id", ""),
        ("client_id", "nobody"),
        ("client_id", "joist"),
        ("redirect_uri", ""),
        ("redirect_uri", "https://evil.example/signed-in"),
        ("redirect_uri", "https://app.example/signed-in/"),
        ("redirect_uri", "https://app.example/signed-in?x"),
        ("redirect_uri", "https://app.example@evil.example/signed-in"),
        ("redirect_uri", "javascript:alert(1)"),
    ];
    for (name, value) in wrong {
        let query = with(right.clone(), name, value);
        for answer in [service.show(&query).await, service.submit(&query, "ada@example.com", PASSWORD).await] {
            assert_eq!((answer.status, answer.header("location")), (400, ""), "{name}={value}");
            assert!(!answer.body.contains("evil"), "{}", answer.body);
        }
    }
    for (name, value) in [("redirect_uri", REDIRECT), ("client_id", "shop-app")] {
        let answer = service.show(&[right.clone(), vec![(name, value)]].concat()).await;
        assert_eq!((answer.status, answer.header("location")), (400, ""), "{name}");
    }
}

#[tokio::test]
async fn a_program_on_the_persons_machine_takes_any_port() {
    let service = Service::start().await;
    service.add_client("cli", true, "orders:read", &["http://127.0.0.1/callback"]).await;
    service.register("ada@example.com").await;
    let asked = with(authorization("cli"), "redirect_uri", "http://127.0.0.1:49152/callback");
    let answer = service.submit(&asked, "ada@example.com", PASSWORD).await;
    let (uri, query) = answer.header("location").split_once("?code=").unwrap();
    assert_eq!(uri, "http://127.0.0.1:49152/callback");
    let code = query.split('&').next().unwrap();
    let elsewhere = with(exchange("cli", code), "redirect_uri", "http://127.0.0.1:49153/callback");
    assert_eq!(service.token(&elsewhere).await.error(), (400, "invalid_grant".to_owned()));
    let right = with(exchange("cli", code), "redirect_uri", "http://127.0.0.1:49152/callback");
    assert_eq!(service.token(&right).await.status, 200);
}
