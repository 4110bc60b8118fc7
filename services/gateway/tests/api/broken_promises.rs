//! A service that breaks its contract is our fault, and nobody's business.

use prost_types::Timestamp;

use crate::{
    harness::{Gateway, bare},
    stubs::Answers,
    who_may_call::ROUTES,
};

async fn are_failures_of_ours(path: &str, broken: &[fn(&mut Answers)]) {
    let routes: Vec<_> = ROUTES.iter().filter(|route| route.path == path && route.success != 204).collect();
    assert!(!routes.is_empty(), "{path}");
    for (number, breaks) in broken.iter().enumerate() {
        let gateway = Gateway::start().await;
        gateway.users.set(breaks);
        gateway.orders.set(breaks);
        for route in &routes {
            let answer = gateway.send_signed_in(route.request()).await;
            assert_eq!(answer.status, 500, "{number}: {} {path}", route.method);
            answer.problem(500);
        }
    }
}

fn breaking_user(answers: &mut Answers) -> &mut proto::users::v1::User {
    answers.user.as_mut().unwrap()
}

fn breaking_product(answers: &mut Answers) -> &mut proto::orders::v1::Product {
    answers.product.as_mut().unwrap()
}

fn breaking_order(answers: &mut Answers) -> &mut proto::orders::v1::Order {
    answers.order.as_mut().unwrap()
}

/// No time of a `Timestamp`, whose years are 1 to 9999.
const NO_TIMES: [i64; 5] = [i64::MIN, -62_167_219_201, -62_135_596_801, 253_402_300_800, i64::MAX];

#[tokio::test]
async fn half_an_account_is_none() {
    let broken: [fn(&mut Answers); 6] = [
        |answers| answers.user = None,
        |answers| breaking_user(answers).id = "seven".to_owned(),
        |answers| breaking_user(answers).id = "\n".to_owned(),
        |answers| breaking_user(answers).etag = "3\n".to_owned(),
        |answers| breaking_user(answers).created_at = None,
        |answers| breaking_user(answers).updated_at = None,
    ];
    are_failures_of_ours("/v1/users", &broken).await;
    are_failures_of_ours("/v1/users/{id}", &broken).await;
}

#[tokio::test]
async fn half_a_product_is_none() {
    are_failures_of_ours("/v1/products/{sku}", &[|answers| answers.product = None]).await;
    are_failures_of_ours("/v1/products/{sku}", &[|answers| breaking_product(answers).price = None]).await;
    are_failures_of_ours("/v1/products", &[|answers| breaking_product(answers).price = None]).await;
}

#[tokio::test]
async fn half_an_order_is_none() {
    let whole: [fn(&mut Answers); 7] = [
        |answers| breaking_order(answers).id = String::new(),
        |answers| breaking_order(answers).user_id = "ada".to_owned(),
        |answers| breaking_order(answers).status = 0,
        |answers| breaking_order(answers).status = 99,
        |answers| breaking_order(answers).total = None,
        |answers| breaking_order(answers).created_at = None,
        |answers| breaking_order(answers).updated_at = None,
    ];
    let lines: [fn(&mut Answers); 3] = [
        |answers| answers.order = None,
        |answers| breaking_order(answers).lines[0].unit_price = None,
        |answers| breaking_order(answers).lines[0].total = None,
    ];
    are_failures_of_ours("/v1/users/{id}/orders", &whole).await;
    for single in ["/v1/orders", "/v1/orders/{id}", "/v1/orders/{id}/cancel"] {
        are_failures_of_ours(single, &whole).await;
        are_failures_of_ours(single, &lines).await;
    }
}

#[tokio::test]
async fn a_time_that_cannot_be_written_is_a_failure_of_ours() {
    let gateway = Gateway::start().await;
    for seconds in NO_TIMES {
        gateway.users.set(|answers| breaking_user(answers).created_at = Some(Timestamp { seconds, nanos: 0 }));
        gateway.send_signed_in(bare("GET", "/v1/users/7")).await.problem(500);
        gateway.orders.set(|answers| breaking_order(answers).updated_at = Some(Timestamp { seconds, nanos: 0 }));
        gateway.send_signed_in(bare("GET", "/v1/orders/7")).await.problem(500);
    }
}
