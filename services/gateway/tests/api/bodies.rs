//! Bodies of the wrong shape, kind or size reach no service.

use axum::body::{Body, Bytes};
use futures::stream;

use crate::harness::{Gateway, bare, json, with};

const LIMIT: usize = 64 * 1024;
const ORDER: &str = r#"{"items": [{"sku": "BOX-OAK", "quantity": 2}]}"#;

#[tokio::test]
async fn what_is_no_json_is_one_error_of_the_body() {
    let gateway = Gateway::start().await;
    for body in ["", " ", "oak", "'oak'", "{", "{items: []}", r#"{"items": []} x"#, r#"{"items": []}{}"#, "\u{feff}{}"]
    {
        let answer = gateway.send_signed_in(json("POST", "/v1/orders", body)).await;
        assert_eq!(answer.only_error(), "body", "{body}");
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn what_is_of_another_shape_is_one_error_with_its_path() {
    let gateway = Gateway::start().await;
    let table = [
        ("null", "body"),
        ("7", "body"),
        ("[]", "body"),
        // As a list of a struct's fields, which serde itself would take.
        ("[[]]", "body"),
        (r#"{"items": [["BOX-OAK", 2]]}"#, "items[0]"),
        (r#"{}"#, "body"),
        (r#"{"items": {}}"#, "items"),
        (r#"{"items": null}"#, "items"),
        (r#"{"items": [], "colour": "red"}"#, "colour"),
        (r#"{"items": [{"sku": "A", "quantity": 1, "price": 1}]}"#, "items[0].price"),
        (r#"{"items": [{"sku": "A"}]}"#, "items[0]"),
        (r#"{"items": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": "2"}]}"#, "items[1].quantity"),
        (r#"{"items": [{"sku": 7, "quantity": 1}]}"#, "items[0].sku"),
        (r#"{"items": [{"sku": "\ud800", "quantity": 1}]}"#, "items[0].sku"),
        (r#"{"items": [{"sku": "A", "quantity": null}]}"#, "items[0].quantity"),
        (r#"{"items": [{"sku": "A", "quantity": 1.5}]}"#, "items[0].quantity"),
        (r#"{"items": [{"sku": "A", "quantity": 2.0}]}"#, "items[0].quantity"),
        (r#"{"items": [{"sku": "A", "quantity": 9223372036854775808}]}"#, "items[0].quantity"),
        (r#"{"items": [{"sku": "A", "quantity": 1e400}]}"#, "items[0].quantity"),
    ];
    for (body, field) in table {
        let answer = gateway.send_signed_in(json("POST", "/v1/orders", body)).await;
        assert_eq!(answer.only_error(), field, "{body}");
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn a_body_that_ends_early_is_one_error_wherever_it_ends() {
    let gateway = Gateway::start().await;
    for end in 0..ORDER.len() {
        gateway.send_signed_in(json("POST", "/v1/orders", &ORDER[..end])).await.only_error();
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn bytes_that_are_no_text_are_an_error() {
    let gateway = Gateway::start().await;
    let body = Bytes::from_static(b"{\"items\": [{\"sku\": \"\xff\", \"quantity\": 1}]}");
    assert_eq!(gateway.send_signed_in(json("POST", "/v1/orders", body)).await.only_error(), "items[0].sku");
    let answer = gateway.send_signed_in(json("POST", "/v1/orders", Bytes::from_static(b"\xff\xfe"))).await;
    assert_eq!(answer.only_error(), "body");
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn ten_thousand_brackets_are_an_error_and_no_crash() {
    let gateway = Gateway::start().await;
    for (opening, path) in [("", "/v1/orders"), (r#"{"items": "#, "/v1/orders"), (r#"{"email": "#, "/v1/sessions")] {
        for bracket in ["[", "{\"a\":"] {
            let body = opening.to_owned() + &bracket.repeat(10_000);
            gateway.send_signed_in(json("POST", path, body)).await.only_error();
        }
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn a_sign_up_is_an_object_and_no_list_of_its_values() {
    let gateway = Gateway::start().await;
    let body = r#"["ada@example.com", "Ada Lovelace", "correct horse"]"#;
    assert_eq!(gateway.send(json("POST", "/v1/users", body)).await.only_error(), "body");
    let body = r#"["ada@example.com", "correct horse"]"#;
    assert_eq!(gateway.send(json("POST", "/v1/sessions", body)).await.only_error(), "body");
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn a_merge_patch_removes_nothing() {
    let gateway = Gateway::start().await;
    for (body, field) in [
        (r#"{"email": null}"#, "email"),
        (r#"{"display_name": null, "email": "a@b"}"#, "display_name"),
        (r#"{"id": "7"}"#, "id"),
        (r#"["ada@example.com", "Ada"]"#, "body"),
        ("null", "body"),
    ] {
        let answer = gateway.send_signed_in(json("PATCH", "/v1/users/7", body)).await;
        assert_eq!(answer.only_error(), field, "{body}");
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn a_body_has_to_say_that_it_is_json() {
    let gateway = Gateway::start().await;
    let table = [
        ("POST", "/v1/orders", "application/json; charset=utf-8", 201),
        ("POST", "/v1/orders", "APPLICATION/JSON", 201),
        ("POST", "/v1/orders", "application/merge-patch+json", 415),
        ("POST", "/v1/orders", "application/jsonp", 415),
        ("POST", "/v1/orders", "text/plain", 415),
        ("POST", "/v1/orders", "", 415),
        ("PATCH", "/v1/users/7", "application/json", 200),
        ("PATCH", "/v1/users/7", "application/merge-patch+json", 200),
        ("PATCH", "/v1/users/7", "application/merge-patch+json;charset=UTF-8", 200),
        ("PATCH", "/v1/users/7", "application/x-www-form-urlencoded", 415),
    ];
    for (method, path, kind, status) in table {
        let mut request = bare(method, path);
        *request.body_mut() = Body::from(if method == "POST" { ORDER } else { "{}" });
        let answer = gateway.send_signed_in(with(request, "content-type", kind)).await;
        assert_eq!(answer.status, status, "{method} {kind}");
        if status == 415 {
            answer.problem(415);
        }
    }
}

#[tokio::test]
async fn a_body_without_a_media_type_is_a_415() {
    let gateway = Gateway::start().await;
    let mut request = bare("POST", "/v1/orders");
    *request.body_mut() = Body::from(ORDER);
    gateway.send_signed_in(request).await.problem(415);
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn sixty_four_kibibytes_are_the_limit_of_a_body() {
    let gateway = Gateway::start().await;
    let padded = |length: usize| " ".repeat(length - ORDER.len()) + ORDER;
    gateway.send_signed_in(json("POST", "/v1/orders", padded(LIMIT))).await.ok(201);
    let announced = with(json("POST", "/v1/orders", padded(LIMIT + 1)), "content-length", LIMIT + 1);
    gateway.send_signed_in(announced).await.problem(413);
    let chunks = padded(LIMIT + 1).into_bytes().chunks(1024).map(Bytes::copy_from_slice).collect::<Vec<_>>();
    let streamed = Body::from_stream(stream::iter(chunks.into_iter().map(Ok::<_, std::io::Error>)));
    gateway.send_signed_in(json("POST", "/v1/orders", streamed)).await.problem(413);
    assert_eq!(gateway.orders.calls(), 1);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_of_the_client() {
    let gateway = Gateway::start().await;
    let chunks = [Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("connection reset"))];
    let broken = json("POST", "/v1/orders", Body::from_stream(stream::iter(chunks)));
    let answer = gateway.send_signed_in(broken).await;
    assert_eq!(answer.problem(400)["detail"], "the body could not be read");
    assert!(gateway.nothing_was_asked());
}
