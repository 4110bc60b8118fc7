//! Answers that are not Consul's: each is an error that says so, soon, and none is believed.

use std::time::Duration;

use axum::{Router, extract::Request, http::HeaderMap, response::Redirect};
use consul::{Client, Config, Error, InstanceFilter, Query};
use tokio::{io::AsyncWriteExt, net::TcpStream, time::Instant};

use crate::harness::{answering, client, config, error, ok, refusal, serving};

const TOKEN: &str = "7d1e2b9a-08c5-4be1-9e0b-2a6d4c3f9e77";

/// What becomes of the call for a key when the server answers so.
async fn answered(bytes: impl Into<Vec<u8>>) -> Error {
    error(client(&answering(bytes).await).kv().get("a", &Query::default())).await
}

async fn router(router: Router) -> String {
    let (listener, address) = testkit::listener().await;
    tokio::spawn(axum::serve(listener, router).into_future());
    format!("http://{address}")
}

#[tokio::test]
async fn another_protocol_is_garbage() {
    for bytes in ["SSH-2.0-OpenSSH_9.2p1\r\n", "\0\0\0\0", "HTTP/9.9 200 OK\r\n\r\n"] {
        let error = answered(bytes).await;
        assert!(matches!(error, Error::Garbled(_)), "{bytes:?}: {error:?}");
    }
}

#[tokio::test]
async fn what_is_no_json_of_the_right_shape_is_garbage() {
    let bodies = [
        "<html><body>It works!</body></html>",
        "",
        "true",
        "{}",
        r#"[{"Key":7}]"#,
        r#"[{"Key":"a","Value":"no base64!","Flags":0,"LockIndex":0,"CreateIndex":1,"ModifyIndex":1}]"#,
        r#"[{"Key":"a","Value":null,"Flags":-1,"LockIndex":0,"CreateIndex":1,"ModifyIndex":1}]"#,
        "[{",
        "[] []",
    ];
    for body in bodies {
        let error = answered(ok(body)).await;
        assert!(matches!(error, Error::Garbled(_)), "{body}: {error:?}");
        assert_eq!(error.to_string(), "the answer is not one of consul's");
    }
}

#[tokio::test]
async fn a_check_in_an_unknown_state_is_garbage() {
    let check = r#"{"Node":"n","CheckID":"c","Name":"c","Status":"splendid"}"#;
    let url = answering(ok(&format!("[{check}]"))).await;
    let error = error(client(&url).health().node("n", &Query::default())).await;
    assert!(matches!(error, Error::Garbled(_)), "{error:?}");
}

#[tokio::test]
async fn half_a_body_is_garbage() {
    let half = "HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\nContent-Length: 100\r\n\r\n[";
    let error = answered(half).await;
    assert!(matches!(error, Error::Garbled(_)), "{error:?}");
}

#[tokio::test]
async fn a_body_without_end_is_not_read_to_its_end() {
    let endless = serving(async |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\n\r\n[").await;
        while stream.write_all(&[b' '; 65536]).await.is_ok() {}
    })
    .await;
    let error = error(client(&endless).kv().get("a", &Query::default())).await;
    assert!(matches!(&error, Error::Garbled(cause) if cause.to_string().contains("longer")), "{error:?}");
}

#[tokio::test]
async fn a_body_that_comes_to_a_halt_is_given_up() {
    let began = Instant::now();
    let halting = serving(async |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX-Consul-Index: 7\r\nContent-Length: 100\r\n\r\n[").await;
        std::future::pending::<()>().await;
    })
    .await;
    let error = error(client(&halting).kv().get("a", &Query::default())).await;
    assert!(matches!(error, Error::Timeout(_)), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_index_that_is_no_number_is_garbage() {
    for header in ["X-Consul-Index: soon\r\n", "X-Consul-Index: -1\r\n", "X-Consul-Index: \r\n", ""] {
        let error = answered(format!("HTTP/1.1 200 OK\r\n{header}Content-Length: 2\r\n\r\n[]")).await;
        assert!(matches!(error, Error::Garbled(_)), "{header}: {error:?}");
    }
}

#[tokio::test]
async fn an_index_of_zero_is_passed_on_and_asked_after_with_one() {
    let url = answering("HTTP/1.1 200 OK\r\nX-Consul-Index: 0\r\nContent-Length: 2\r\n\r\n[]").await;
    let answer = client(&url).kv().get("a", &Query::default()).await.unwrap();
    assert_eq!(answer.index, 0);
    assert_eq!(Query::default().after(&answer).index, 1);
}

#[tokio::test]
async fn a_404_of_somebody_else_is_not_an_absent_key() {
    let error = answered(refusal("404 Not Found", "<html>nginx</html>")).await;
    assert!(matches!(error, Error::Garbled(_)), "{error:?}");
}

#[tokio::test]
async fn a_write_without_a_condition_that_is_answered_no_is_garbage() {
    let url = answering(ok("false")).await;
    let error = error(client(&url).kv().put("a", b"")).await;
    assert!(matches!(error, Error::Garbled(_)), "{error:?}");
}

#[tokio::test]
async fn null_is_an_empty_list_and_unknown_fields_are_ignored() {
    let query = Query::default();
    let null = client(&answering(ok("null")).await);
    assert!(null.kv().list("", &query).await.unwrap().value.is_empty());
    assert!(null.agent().services().await.unwrap().is_empty());
    assert!(null.health().service("web", &InstanceFilter::default(), &query).await.unwrap().value.is_empty());

    let instance = r#"[{
        "Node": {"Node": "n", "Address": "10.0.0.1", "Meta": null, "New": 1},
        "Service": {"ID": "web-1", "Service": "web", "Tags": null, "Meta": null, "New": [{}]},
        "Checks": null, "New": {"a": null}
    }]"#;
    let client = client(&answering(ok(instance)).await);
    let instances = client.health().service("web", &InstanceFilter::default(), &query).await.unwrap().value;
    assert_eq!((instances[0].service.id.as_str(), instances[0].service.port), ("web-1", 0));
    assert!(instances[0].service.tags.is_empty() && instances[0].checks.is_empty());
}

#[tokio::test]
async fn a_refusal_has_its_status_and_the_beginning_of_its_text() {
    let error = answered(refusal("500 Internal Server Error", &"ä".repeat(1000))).await;
    let Error::Refused { status, message } = error else { panic!("{error:?}") };
    assert_eq!((status, message), (500, "ä".repeat(200)));
    let error = answered(refusal("403 Forbidden", "Permission denied")).await;
    assert!(matches!(error, Error::Denied(message) if message == "Permission denied"));
}

#[tokio::test]
async fn a_server_that_echoes_the_token_does_not_get_it_into_an_error() {
    for status in ["500 Internal Server Error", "403 Forbidden", "404 Not Found"] {
        let url = answering(refusal(status, &format!("who is {TOKEN}?"))).await;
        let config = Config { token: Some(TOKEN.to_owned().into()), ..config(&url) };
        let error = error(Client::new(&config).unwrap().agent().info()).await;
        assert!(error.to_string().contains("who is …?"), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = router(Router::new().fallback(async |headers: HeaderMap| {
        assert!(!headers.contains_key("x-consul-token"));
        "[]"
    }))
    .await;
    let here = router(Router::new().fallback(async move || Redirect::permanent(&elsewhere))).await;
    let config = Config { token: Some(TOKEN.to_owned().into()), ..config(&here) };
    let error = error(Client::new(&config).unwrap().kv().get("a", &Query::default())).await;
    assert!(matches!(error, Error::Refused { status: 308, .. }), "{error:?}");
}

#[tokio::test]
async fn a_url_may_have_a_path_before_the_apis() {
    let echo = router(Router::new().fallback(async |request: Request| format!("\"{}\"", request.uri()))).await;
    for url in [format!("{echo}/consul"), format!("{echo}/consul/")] {
        let config = Config { datacenter: Some("north & south".to_owned()), ..config(&url) };
        let leader = Client::new(&config).unwrap().status().leader().await.unwrap();
        assert_eq!(leader.as_deref(), Some("/consul/v1/status/leader?dc=north+%26+south"));
    }
}
