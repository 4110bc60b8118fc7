//! Programs in their own name, how a client proves who it is, and what the authorization server says of itself.

use identity::Subject;
use reqwest::header::AUTHORIZATION;
use serde_json::Value;

use crate::{
    harness::Service,
    web::{Answer, REDIRECT, exchange},
};

const OWN: [(&str, &str); 2] = [("grant_type", "client_credentials"), ("scope", "orders:read admin")];

fn machine(secret: &str) -> Vec<(&str, &str)> {
    [&OWN[..], &[("client_id", "robot"), ("client_secret", secret)]].concat()
}

#[tokio::test]
async fn a_program_gets_what_it_asked_for_of_what_it_may() {
    let service = Service::start().await;
    let secret = service.add_machine("robot", "orders:read users:read").await;
    let answer = service.token(&machine(&secret)).await;
    let tokens = answer.tokens();
    assert_eq!((tokens["scope"].as_str(), tokens.get("refresh_token")), (Some("orders:read"), None));
    let caller = service.verifier().verify(&format!("Bearer {}", answer.access_token())).await.unwrap();
    assert_eq!((caller.subject(), caller.user()), (&Subject::Client("robot".to_owned()), None));

    for scope in ["", "admin", "orders:write"] {
        let form = [&machine(&secret)[2..], &[("grant_type", "client_credentials"), ("scope", scope)]].concat();
        assert_eq!(service.token(&form).await.error(), (400, "invalid_scope".to_owned()), "{scope}");
    }
}

#[tokio::test]
async fn a_client_can_prove_itself_by_http_basic() {
    let service = Service::start().await;
    let secret = service.add_machine("robot", "orders:read").await;
    let basic = async |user: &str, password: &str, form: &[(&str, &str)]| {
        Answer::to(service.form("/oauth/token", form).basic_auth(user, Some(password))).await
    };
    assert_eq!(basic("robot", &secret, &OWN).await.status, 200);
    assert_eq!(basic("%72obot", &secret, &OWN).await.status, 200);
    assert_eq!(basic("robot", &secret, &[&OWN[..], &[("client_id", "robot")]].concat()).await.status, 200);

    let invalid_request = (400, "invalid_request".to_owned());
    assert_eq!(basic("robot", &secret, &machine(&secret)).await.error(), invalid_request);
    assert_eq!(basic("robot", &secret, &[&OWN[..], &[("client_id", "other")]].concat()).await.error(), invalid_request);
    for (user, password) in [("robot", "wrong"), ("robot", ""), ("nobody", &secret), ("joist", ""), ("joist", "x")] {
        let answer = basic(user, password, &OWN).await;
        assert_eq!(answer.error(), (401, "invalid_client".to_owned()), "{user}");
        assert!(answer.header("www-authenticate").starts_with("Basic "), "{answer:?}");
    }
    let bearer = service.form("/oauth/token", &machine(&secret)[..3]).header(AUTHORIZATION, "Bearer x");
    assert_eq!(Answer::to(bearer).await.error().0, 401);
}

#[tokio::test]
async fn without_its_secret_a_client_is_nobody() {
    let service = Service::start().await;
    let secret = service.add_machine("robot", "orders:read").await;
    service.add_app("shop-app").await;
    let wrong = secret.replace(|c: char| c.is_lowercase(), "x");
    let invalid_client = (401, "invalid_client".to_owned());
    for form in [machine(&wrong), machine(""), OWN.to_vec()] {
        let answer = service.token(&form).await;
        assert_eq!(answer.error(), invalid_client);
        assert!(!answer.body.contains("robot"), "{}", answer.body);
    }
    let pretended = [&exchange("shop-app", "x")[..], &[("client_secret", "x")]].concat();
    assert_eq!(service.token(&pretended).await.error(), invalid_client);
}

#[tokio::test]
async fn clients_for_people_have_no_tokens_of_their_own() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    let secret = service.add_client("web-app", false, "orders:read", &[REDIRECT]).await.unwrap();
    for client in [vec![("client_id", "shop-app")], vec![("client_id", "web-app"), ("client_secret", &secret)]] {
        let answer = service.token(&[OWN.to_vec(), client].concat()).await;
        assert_eq!(answer.error(), (400, "unauthorized_client".to_owned()));
    }
}

#[tokio::test]
async fn a_password_is_no_grant() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    for grant_type in ["password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"] {
        let form = [("grant_type", grant_type), ("client_id", "joist"), ("username", "ada@example.com")];
        assert_eq!(service.token(&form).await.error(), (400, "unsupported_grant_type".to_owned()), "{grant_type}");
    }
    assert_eq!(service.token(&[("client_id", "joist")]).await.error(), (400, "invalid_request".to_owned()));
}

#[tokio::test]
async fn only_a_form_is_read() {
    let service = Service::start().await;
    let secret = service.add_machine("robot", "orders:read").await;
    let json = service.request("POST", "/oauth/token").header("content-type", "application/json").body("{}");
    assert_eq!(Answer::to(json).await.error(), (400, "invalid_request".to_owned()));
    // What stands in a URL stands in logs.
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(machine(&secret)).finish();
    assert_eq!(service.post(&format!("/oauth/token?{form}"), &[]).await.error().0, 400);
    assert_eq!(service.get(&format!("/oauth/token?{form}")).await.status, 405);
    let large = service.form("/oauth/token", &[("code", &"x".repeat(20_000))]);
    assert_eq!(Answer::to(large).await.status, 413);
}

#[tokio::test]
async fn the_metadata_are_true() {
    let service = Service::start().await;
    let answer = service.get("/.well-known/oauth-authorization-server").await;
    assert_eq!(answer.header("content-type"), "application/json");
    let metadata: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(metadata["issuer"], "http://tests");
    let endpoints = [
        ("authorization_endpoint", "GET", 400),
        ("token_endpoint", "POST", 400),
        ("revocation_endpoint", "POST", 400),
        ("jwks_uri", "GET", 200),
    ];
    for (name, method, status) in endpoints {
        let path = metadata[name].as_str().unwrap().strip_prefix("http://tests").unwrap();
        assert_eq!(Answer::to(service.request(method, path)).await.status, status, "{name}");
    }
    for (name, value) in [
        ("response_types_supported", "code"),
        ("response_modes_supported", "query"),
        ("code_challenge_methods_supported", "S256"),
    ] {
        assert_eq!(metadata[name], Value::from(vec![value]), "{name}");
    }
    let authentication = Value::from(vec!["client_secret_basic", "client_secret_post", "none"]);
    assert_eq!(metadata["token_endpoint_auth_methods_supported"], authentication);
    assert_eq!(metadata["revocation_endpoint_auth_methods_supported"], authentication);
    assert_eq!(metadata["grant_types_supported"].as_array().unwrap().len(), 3);
    assert_eq!(metadata["scopes_supported"].as_array().unwrap().len(), 5);
    assert_eq!(metadata["authorization_response_iss_parameter_supported"], true);
}

#[tokio::test]
async fn a_failing_database_tells_nothing() {
    let service = Service::start().await;
    service.sql("alter table clients rename to programs").await;
    let answer = service.token(&machine("x")).await;
    assert_eq!(answer.error(), (500, "server_error".to_owned()));
    let page = service.get("/oauth/authorize?client_id=robot").await;
    assert_eq!(page.status, 500);
    for body in [answer.body, page.body] {
        assert!(!body.contains("clients") && !body.contains("relation"), "{body}");
    }
}
