//! How often one may ask, and what is said to whoever asks more often.

use std::{num::NonZeroU32, time::Duration};

use axum::{body::Body, http::Request};
use discovery::Registry;
use gateway::{RateLimitConfig, Switch};
use testkit::{Consul, told};
use tokio::time;

use crate::{
    clients::from,
    harness::{Answer, Gateway, bare, with},
};

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

/// Two requests at once from an address, one of a user.
fn strict() -> RateLimitConfig {
    RateLimitConfig {
        rate_limit: Switch::On,
        rate_limit_address_per_s: number(1),
        rate_limit_address_burst: number(2),
        rate_limit_user_per_s: number(1),
        rate_limit_user_burst: number(1),
    }
}

async fn start() -> Gateway {
    Gateway::start_with(|config| config.rate_limit = strict()).await
}

fn products(address: &str) -> Request<Body> {
    from(bare("GET", "/v1/products"), &format!("{address}:4000"))
}

/// Stops the clock; what is asked before has what it needs of other ports.
async fn stopped(gateway: &Gateway) {
    gateway.send_signed_in(bare("GET", "/v1/users/7")).await.ok(200);
    gateway.get("/v1/products").await.ok(200);
    time::pause();
}

#[track_caller]
fn is_refused(answer: &Answer) {
    let problem = answer.problem(429);
    assert_eq!(problem["detail"], "too many requests from this address");
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.header("ratelimit"), Some(r#""address";r=0;t=2"#));
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""address";q=2;w=2"#));
}

#[tokio::test]
async fn one_address_may_ask_so_often_and_no_more() {
    let gateway = start().await;
    stopped(&gateway).await;
    for left in [r#""address";r=1;t=1"#, r#""address";r=0;t=2"#] {
        let answer = gateway.send(products("203.0.113.7")).await;
        answer.ok(200);
        assert_eq!(answer.header("ratelimit"), Some(left));
        assert_eq!(answer.header("ratelimit-policy"), Some(r#""address";q=2;w=2"#));
        assert_eq!(answer.header("retry-after"), None);
    }
    let calls = gateway.orders.calls();
    is_refused(&gateway.send(products("203.0.113.7")).await);
    // Whatever is asked for, and whoever says to be asking.
    is_refused(&gateway.send(from(bare("GET", "/v1/nothing"), "203.0.113.7:5000")).await);
    is_refused(&gateway.send(with(products("203.0.113.7"), "x-forwarded-for", "198.51.100.1")).await);
    assert_eq!(gateway.orders.calls(), calls);
    // Others are not concerned.
    gateway.send(products("203.0.113.8")).await.ok(200);
    time::advance(Duration::from_secs(1)).await;
    gateway.send(products("203.0.113.7")).await.ok(200);
    is_refused(&gateway.send(products("203.0.113.7")).await);
}

#[tokio::test]
async fn a_network_of_ipv6_is_one_address() {
    let gateway = start().await;
    stopped(&gateway).await;
    gateway.send(products("[2001:db8:0:1::1]")).await.ok(200);
    gateway.send(products("[2001:db8:0:1::2]")).await.ok(200);
    is_refused(&gateway.send(products("[2001:db8:0:1:ffff::3]")).await);
    gateway.send(products("[2001:db8:0:2::1]")).await.ok(200);
}

#[tokio::test]
async fn one_user_may_ask_so_often_from_wherever() {
    let gateway = start().await;
    gateway.get("/v1/products").await.ok(200);
    let mine = |address: &str| from(bare("GET", "/v1/users/7"), address);
    let answer = gateway.send_signed_in(mine("203.0.113.1:1")).await;
    answer.ok(200);
    assert_eq!(answer.header("ratelimit"), Some(r#""address";r=1;t=1, "user";r=0;t=1"#));
    assert_eq!(answer.header("ratelimit-policy"), Some(r#""address";q=2;w=2, "user";q=1;w=1"#));
    time::pause();
    let answer = gateway.send_signed_in(mine("203.0.113.2:1")).await;
    assert_eq!(answer.problem(429)["detail"], "too many requests of this user");
    assert!(answer.header("ratelimit").unwrap().contains(r#""user";r=0;t=1"#));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn who_has_no_good_token_is_counted_by_address_alone() {
    let gateway = start().await;
    let bad = || from(with(bare("GET", "/v1/users/7"), "authorization", "Bearer x"), "203.0.113.7:1");
    for _ in 0..2 {
        let answer = gateway.send(bad()).await;
        answer.problem(401);
        assert!(!answer.header("ratelimit").unwrap().contains("user"));
    }
    gateway.send(bad()).await.problem(429);
}

#[tokio::test]
async fn probes_and_the_questions_of_browsers_are_not_counted() {
    let gateway = Gateway::start_with(|config| {
        config.rate_limit = strict();
        config.cors_allowed_origins.push("https://shop.example".parse().unwrap());
    });
    let gateway = gateway.await;
    for _ in 0..5 {
        for probe in ["/livez", "/readyz"] {
            let answer = gateway.send(from(bare("GET", probe), "203.0.113.7:1")).await;
            assert_eq!(answer.header("ratelimit"), None, "{probe}");
            assert_ne!(answer.status, 429, "{probe}");
        }
        let preflight = with(bare("OPTIONS", "/v1/orders"), "origin", "https://shop.example");
        let preflight = with(preflight, "access-control-request-method", "POST");
        assert_eq!(gateway.send(from(preflight, "203.0.113.7:1")).await.status, 200);
    }
    gateway.send(products("203.0.113.7")).await.ok(200);
}

#[tokio::test]
async fn switched_off_it_limits_nobody() {
    let off = RateLimitConfig { rate_limit: Switch::Off, ..strict() };
    let gateway = Gateway::start_with(|config| config.rate_limit = off).await;
    for _ in 0..5 {
        let answer = gateway.send(products("203.0.113.7")).await;
        answer.ok(200);
        assert_eq!(answer.header("ratelimit"), None);
        gateway.send_signed_in(bare("GET", "/v1/users/7")).await.ok(200);
    }
}

#[tokio::test]
async fn refusals_are_counted_by_limit() {
    told::listen();
    let refused = |limit| told::metric("gateway_requests_refused_total", &[("limit", limit)]).unwrap_or(0.0);
    let before = refused("address");
    let gateway = start().await;
    for _ in 0..3 {
        gateway.send(products("203.0.113.7")).await;
    }
    assert!(refused("address") > before);
}

/// Sets it in Consul, and asks until the policy is this one.
async fn set(consul: &Consul, gateway: &Gateway, setting: &str, value: &'static str, policy: Option<&str>) {
    let url = format!("{}/v1/kv/joist/gateway/{setting}", consul.url());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.put(url).body(value).send().await.unwrap().error_for_status().unwrap();
    let heard = async {
        while gateway.send(products("203.0.113.7")).await.header("ratelimit-policy") != policy {
            tokio::task::yield_now().await;
        }
    };
    let heard = time::timeout(Duration::from_secs(20), heard).await;
    heard.unwrap_or_else(|_| panic!("{setting} = {value}"));
}

#[tokio::test]
async fn limits_change_while_it_runs_and_nonsense_changes_nothing() {
    let Some(consul) = Consul::start().await else { return };
    let config = discovery::Config { consul_url: Some(consul.url().parse().unwrap()), ..discovery::Config::default() };
    let registry = Registry::new(&config).unwrap();
    let gateway = Gateway::start_at(registry, |config| config.rate_limit = strict()).await;
    set(&consul, &gateway, "rate_limit_address_burst", "7", Some(r#""address";q=7;w=7"#)).await;
    for (setting, nonsense) in
        [("rate_limit_address_per_s", "0"), ("rate_limit_address_per_s", "-1"), ("rate_limit", "maybe")]
    {
        set(&consul, &gateway, setting, nonsense, Some(r#""address";q=7;w=7"#)).await;
    }
    set(&consul, &gateway, "rate_limit_address_per_s", "7", Some(r#""address";q=7;w=1"#)).await;
    set(&consul, &gateway, "rate_limit", "off", None).await;
    set(&consul, &gateway, "rate_limit", "on", Some(r#""address";q=7;w=1"#)).await;
}
