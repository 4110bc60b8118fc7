//! Requests that two readers could understand differently, which is how one is hidden within another.

use crate::{
    harness::Gateway,
    wire::{LAST, Wire},
};

/// What is answered to these bytes until the connection ends.
async fn answered(gateway: &Gateway, request: &str) -> String {
    let mut wire = Wire::to(gateway.serve().await).await;
    wire.send(request).await;
    wire.rest().await
}

fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

#[tokio::test]
async fn what_is_ambiguous_is_refused_and_nothing_after_it_is_read() {
    let gateway = Gateway::start().await;
    let ambiguous = [
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 0\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nContent-Length: 4, 0\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nContent-Length: +4\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nContent-Length: 0x4\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
        "GET /v1/products HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\n Host: a\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nX\0A: b\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nX-A: b\rX-C: d\r\n\r\n",
        "GET /v1/products HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n",
        "GET /v1/ products HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /v1/products HTTP/3.1\r\nHost: a\r\n\r\n",
    ];
    for request in ambiguous {
        let answer = answered(&gateway, &format!("{request}{LAST}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 Bad Request"), "{request:?}: {answer}");
        assert_eq!(answers(&answer), 1, "{request:?}: {answer}");
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn a_body_ends_where_its_chunks_do_whatever_its_length_says() {
    let gateway = Gateway::start().await;
    let hidden = "DELETE /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n";
    for order in ["Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5"]
    {
        let request = format!("GET /v1/products HTTP/1.1\r\nHost: a\r\n{order}\r\n\r\n0\r\n\r\n");
        let answer = answered(&gateway, &format!("{request}{LAST}")).await;
        // The second is read from where the first ends by its chunks, or not at all.
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answers(&answer) <= 2, "{order}: {answer}");
        assert!(!answer.contains(" 400 "), "{order}: {answer}");
        let within = format!(
            "GET /v1/products HTTP/1.1\r\nHost: a\r\n{order}\r\n\r\n{:x}\r\n{hidden}\r\n0\r\n\r\n",
            hidden.len()
        );
        let answer = answered(&gateway, &format!("{within}{LAST}")).await;
        assert!(!answer.contains(" 404 ") && !answer.contains(" 405 "), "{order}: {answer}");
    }
}

#[tokio::test]
async fn the_target_says_which_host_is_meant_and_no_header_does() {
    let gateway = Gateway::start().await;
    let request = "GET http://shop.example/v1/products HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n";
    assert!(answered(&gateway, request).await.starts_with("HTTP/1.1 200 OK"));
    let bare_feeds = LAST.replace("\r\n", "\n");
    // A line may end so (RFC 9112, section 2.2), and then it is one request to everybody.
    assert_eq!(answers(&answered(&gateway, &bare_feeds).await), 1);
}
