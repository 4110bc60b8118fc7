//! Signing up, signing in, and one's own account.

use proto::users::v1 as pb;
use serde_json::json;

use crate::{
    harness::{self, Gateway, bare, with},
    stubs::canned::USER,
};

fn ada() -> serde_json::Value {
    json!({
        "id": USER,
        "email": "ada@example.com",
        "display_name": "Ada Lovelace",
        "created_at": "2023-11-14T22:13:20.123Z",
        "updated_at": "2023-11-14T22:13:20Z",
    })
}

#[tokio::test]
async fn signing_up_says_where_the_account_is_and_which_version() {
    let gateway = Gateway::start().await;
    let body = r#"{"email": "ada@example.com", "display_name": "Ada Lovelace", "password": "correct horse"}"#;
    let answer = gateway.send(harness::json("POST", "/v1/users", body)).await;
    assert_eq!(answer.ok(201), ada());
    assert_eq!(answer.header("location"), Some(format!("/v1/users/{USER}").as_str()));
    assert_eq!(answer.header("etag"), Some("\"3\""));
    let asked: pb::RegisterRequest = gateway.users.asked();
    assert_eq!(asked.email, "ada@example.com");
    assert_eq!((asked.display_name.as_str(), asked.password.as_str()), ("Ada Lovelace", "correct horse"));
}

#[tokio::test]
async fn signing_in_gives_a_token_that_nobody_keeps() {
    let gateway = Gateway::start().await;
    let body = r#"{"email": "ada@example.com", "password": "correct horse"}"#;
    let answer = gateway.send(harness::json("POST", "/v1/sessions", body)).await;
    let expected = json!({
        "access_token": "abc.def.ghi",
        "token_type": "Bearer",
        "expires_in": 300,
        "refresh_token": "a refresh token",
        "scope": "orders:read users:read",
    });
    assert_eq!(answer.ok(201), expected);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let asked: pb::SignInRequest = gateway.users.asked();
    assert_eq!((asked.email.as_str(), asked.password.as_str()), ("ada@example.com", "correct horse"));
}

#[tokio::test]
async fn an_account_is_read_with_its_version() {
    let gateway = Gateway::start().await;
    let answer = gateway.send_signed_in(bare("GET", &format!("/v1/users/{USER}"))).await;
    assert_eq!(answer.ok(200), ada());
    assert_eq!(answer.header("etag"), Some("\"3\""));
    assert_eq!(gateway.users.asked::<pb::GetUserRequest>().id, USER);
}

#[tokio::test]
async fn only_what_a_patch_names_is_changed() {
    let gateway = Gateway::start().await;
    let table: [(&str, &[&str], &str, &str); 4] = [
        ("{}", &[], "", ""),
        (r#"{"email": "a@b"}"#, &["email"], "a@b", ""),
        (r#"{"display_name": ""}"#, &["display_name"], "", ""),
        (r#"{"display_name": "A", "email": "a@b"}"#, &["email", "display_name"], "a@b", "A"),
    ];
    for (body, mask, email, display_name) in table {
        let answer = gateway.send_signed_in(harness::json("PATCH", &format!("/v1/users/{USER}"), body)).await;
        assert_eq!(answer.ok(200), ada());
        assert_eq!(answer.header("etag"), Some("\"3\""));
        let asked: pb::UpdateUserRequest = gateway.users.asked();
        assert_eq!(asked.id, USER);
        assert_eq!(asked.update_mask.unwrap().paths, mask, "{body}");
        let named = pb::User { email: email.to_owned(), display_name: display_name.to_owned(), ..Default::default() };
        assert_eq!(asked.user.unwrap(), named, "{body}");
    }
}

#[tokio::test]
async fn what_must_match_is_the_etag_without_its_quotes() {
    let gateway = Gateway::start().await;
    for (if_match, etag) in [("\"3\"", "3"), (" \"3\" ", "3"), ("*", "*"), ("\"a b\"", "a b"), ("\"W/3\"", "W/3")] {
        assert_eq!(etag_asked_for(&gateway, Some(if_match)).await, etag, "{if_match}");
    }
    assert_eq!(etag_asked_for(&gateway, None).await, "");
}

#[tokio::test]
async fn what_is_no_single_strong_etag_matches_nothing() {
    let gateway = Gateway::start().await;
    // The service takes an empty etag for none at all, `*` for any, and its own are numbers.
    let matches_something = |etag: &str| matches!(etag, "" | "*") || etag.parse::<i64>().is_ok();
    for if_match in ["3", "W/\"3\"", "\"3\", \"4\"", "\"3", "3\"", "\"", "\"\"", "\"*\"", "**", "\u{e9}", "\"\u{e9}\""]
    {
        let etag = etag_asked_for(&gateway, Some(if_match)).await;
        assert!(!matches_something(&etag), "{if_match} became {etag}");
    }
}

async fn etag_asked_for(gateway: &Gateway, if_match: Option<&str>) -> String {
    let request = harness::json("PATCH", &format!("/v1/users/{USER}"), "{}");
    let request = match if_match {
        Some(value) => with(request, "if-match", value.as_bytes()),
        None => request,
    };
    gateway.send_signed_in(request).await.ok(200);
    gateway.users.asked::<pb::UpdateUserRequest>().etag
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_to_say() {
    let gateway = Gateway::start().await;
    let answer = gateway.send_signed_in(bare("DELETE", &format!("/v1/users/{USER}"))).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    assert_eq!(gateway.users.asked::<pb::DeleteUserRequest>().id, USER);
}
