//! Guessing passwords: not often.

use std::time::Duration;

use futures::future::join_all;
use proto::users::v1 as pb;
use tonic::{Code, Request, Status};

use crate::{
    harness::{PASSWORD, Service},
    web::authorization,
};

const HERE: &str = "192.0.2.1";

async fn sign_in(service: &Service, email: &str, password: &str, from: &str) -> Result<(), Status> {
    let mut request = Request::new(pb::SignInRequest { email: email.to_owned(), password: password.to_owned() });
    request.metadata_mut().insert("x-forwarded-for", from.parse().unwrap());
    service.client.clone().sign_in(request).await.map(drop)
}

async fn fail(service: &Service, email: &str, times: usize) {
    for _ in 0..times {
        let code = sign_in(service, email, "wrong password", HERE).await.unwrap_err().code();
        assert_eq!(code, Code::Unauthenticated);
    }
}

#[tokio::test]
async fn after_ten_failures_even_the_right_password_is_refused_for_a_while() {
    let service = Service::start().await;
    for email in ["ada@example.com", "eve@example.com"] {
        service.register(email).await;
    }
    fail(&service, "ada@example.com", 10).await;
    let refused = sign_in(&service, "ADA@example.com", PASSWORD, "192.0.2.2").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let wait = rpc::status::retry_after(&refused).unwrap();
    assert!((Duration::from_secs(890)..=Duration::from_secs(900)).contains(&wait), "{wait:?}");
    assert!(sign_in(&service, "eve@example.com", PASSWORD, HERE).await.is_ok());

    service.sql("update sign_in_attempts set began_at = began_at - interval '15 minutes'").await;
    assert!(sign_in(&service, "ada@example.com", PASSWORD, HERE).await.is_ok());
}

#[tokio::test]
async fn an_account_that_is_not_there_is_limited_all_the_same() {
    let service = Service::start().await;
    fail(&service, "nobody@example.com", 10).await;
    let refused = sign_in(&service, "nobody@example.com", PASSWORD, HERE).await.unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::ResourceExhausted, "there were too many attempts to sign in")
    );
}

#[tokio::test]
async fn a_success_makes_the_failures_before_it_forgotten() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    for _ in 0..3 {
        fail(&service, "ada@example.com", 9).await;
        assert!(sign_in(&service, "ada@example.com", PASSWORD, HERE).await.is_ok());
    }
}

#[tokio::test]
async fn those_who_guess_at_the_same_time_are_counted_as_well() {
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let guesses = (0..30).map(|_| sign_in(&service, "ada@example.com", "wrong password", HERE));
    let codes: Vec<_> = join_all(guesses).await.into_iter().map(|answer| answer.unwrap_err().code()).collect();
    assert_eq!(codes.iter().filter(|code| **code == Code::Unauthenticated).count(), 10, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == Code::ResourceExhausted).count(), 20, "{codes:?}");
}

#[tokio::test]
async fn an_address_is_limited_whosever_accounts_it_tries_and_others_go_on() {
    let service = Service::start_with(|config| config.sign_in_failures_per_address = 3).await;
    service.register("ada@example.com").await;
    let network = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
    for (number, address) in network.iter().enumerate() {
        let refused = sign_in(&service, &format!("user{number}@example.com"), "wrong password", address).await;
        assert_eq!(refused.unwrap_err().code(), Code::Unauthenticated);
    }
    let refused = sign_in(&service, "ada@example.com", PASSWORD, "2001:db8::4").await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(sign_in(&service, "ada@example.com", PASSWORD, "2001:db8:0:1::1").await.is_ok());
}

#[tokio::test]
async fn an_own_account_does_not_make_up_for_failures_with_others() {
    let service = Service::start_with(|config| config.sign_in_failures_per_address = 3).await;
    service.register("eve@example.com").await;
    for victim in ["a@example.com", "b@example.com", "c@example.com"] {
        assert!(sign_in(&service, "eve@example.com", PASSWORD, HERE).await.is_ok(), "{victim}");
        fail(&service, victim, 1).await;
    }
    let refused = sign_in(&service, "eve@example.com", PASSWORD, HERE).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
}

#[tokio::test]
async fn the_page_counts_with_the_sessions_and_by_the_address_that_the_gateway_tells() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    fail(&service, "ada@example.com", 10).await;
    let page = service.submit(&authorization("shop-app"), "ada@example.com", PASSWORD).await;
    assert_eq!((page.status, page.header("location")), (429, ""));
    assert!(page.body.contains("role=\"alert\"") && page.body.contains("too many attempts"), "{}", page.body);
    let wait: u64 = page.header("retry-after").parse().unwrap();
    assert!((890..=900).contains(&wait), "{wait}");
}

#[tokio::test]
async fn who_tried_to_sign_in_is_not_to_be_read_in_the_database() {
    let service = Service::start().await;
    fail(&service, "nobody@example.com", 1).await;
    let keys: String = service.ask("select string_agg(encode(key, 'escape'), ' ') from sign_in_attempts").await;
    assert!(!keys.contains("nobody") && !keys.contains(HERE), "{keys}");
}
