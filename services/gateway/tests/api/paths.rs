//! Paths, methods and queries that mean nothing.

use crate::harness::{Gateway, bare};

#[tokio::test]
async fn where_there_is_nothing_a_problem_says_so() {
    let gateway = Gateway::start().await;
    for path in ["/", "/v1", "/v1/", "/v1/users/", "/v1/users/7/", "/v2/users", "/V1/users", "/metrics", "/v1%2Fusers"]
    {
        let problem = gateway.get(path).await.problem(404);
        assert_eq!(problem["detail"], "there is nothing at this path");
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn a_head_request_has_a_problem_without_its_body() {
    let gateway = Gateway::start().await;
    let answer = gateway.send(bare("HEAD", "/v1/nothing")).await;
    assert_eq!((answer.status.as_u16(), answer.body.len()), (404, 0));
}

#[tokio::test]
async fn a_method_that_is_not_possible_is_told_which_are() {
    let gateway = Gateway::start().await;
    let table = [
        ("GET", "/v1/users", "POST"),
        ("GET", "/v1/sessions", "POST"),
        ("PUT", "/v1/users/7", "DELETE,GET,HEAD,PATCH"),
        ("POST", "/v1/products", "GET,HEAD"),
        ("DELETE", "/v1/products/BOX-OAK", "GET,HEAD"),
        ("GET", "/v1/orders", "POST"),
        ("DELETE", "/v1/orders/7", "GET,HEAD"),
        ("GET", "/v1/orders/7/cancel", "POST"),
        ("POST", "/v1/users/7/orders", "GET,HEAD"),
        ("POST", "/openapi.json", "GET,HEAD"),
        ("BREW", "/v1/users", "POST"),
    ];
    for (method, path, allowed) in table {
        let answer = gateway.send(bare(method, path)).await;
        answer.problem(405);
        let mut allow: Vec<_> = answer.header("allow").unwrap().split(',').collect();
        allow.sort_unstable();
        assert_eq!(allow.join(","), allowed, "{method} {path}");
    }
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn a_part_of_a_path_that_is_no_text_is_an_error() {
    let gateway = Gateway::start().await;
    for path in ["/v1/products/%FF", "/v1/products/%C3%28", "/v1/products/BOX%80"] {
        assert_eq!(gateway.get(path).await.only_error(), "path", "{path}");
    }
    assert_eq!(gateway.send_signed_in(bare("GET", "/v1/orders/%FF")).await.only_error(), "path");
    assert!(gateway.nothing_was_asked());
}

#[tokio::test]
async fn a_part_of_a_path_reaches_the_service_as_it_was_meant() {
    let gateway = Gateway::start().await;
    for (path, sku) in [("BOX-OAK", "BOX-OAK"), ("caf%C3%A9%2F%20%3F", "caf\u{e9}/ ?"), ("%", "%"), ("..%2f", "../")] {
        gateway.get(&format!("/v1/products/{path}")).await.ok(200);
        assert_eq!(gateway.orders.asked::<proto::orders::v1::GetProductRequest>().sku, sku);
    }
}

#[tokio::test]
async fn a_page_size_is_a_number() {
    let gateway = Gateway::start().await;
    for size in ["abc", "99999999999", "-99999999999", "1.5", "", "20%20"] {
        let query = format!("?page_size={size}");
        assert_eq!(gateway.get(&format!("/v1/products{query}")).await.only_error(), "page_size", "{size}");
        let orders = bare("GET", &format!("/v1/users/7/orders{query}"));
        assert_eq!(gateway.send_signed_in(orders).await.only_error(), "page_size", "{size}");
    }
    assert!(gateway.nothing_was_asked());
}
