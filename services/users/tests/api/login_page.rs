//! The page to sign in, as a browser sees it, and as somebody who would deceive people wishes it were.

use opentelemetry::trace::SpanKind;
use testkit::told::Trace;

use crate::{
    harness::{PASSWORD, Service},
    web::{Answer, REDIRECT, authorization, with},
};

#[tokio::test]
async fn the_page_says_who_asks_for_what() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    let page = service.show(&with(authorization("shop-app"), "scope", "orders:read users:read")).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    for part in [
        "<html lang=\"en\">",
        "<title>",
        "<strong>shop-app</strong>",
        "see your orders",
        "see your account",
        "<label for=\"email\">",
        "autocomplete=\"username\"",
        "<label for=\"password\">",
        "autocomplete=\"current-password\"",
        "error=access_denied",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("cancel orders") && !page.body.contains("<script"), "{}", page.body);
}

#[tokio::test]
async fn the_page_cannot_be_framed_kept_or_extended() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    let shown = service.show(&authorization("shop-app")).await;
    let refused = service.show(&authorization("nobody")).await;
    let failed = service.submit(&authorization("shop-app"), "ada@example.com", "wrong password").await;
    for (page, target) in [(&shown, " https://app.example"), (&failed, " https://app.example"), (&refused, " ")] {
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(policy.contains(&format!("; form-action 'self'{target};")), "{policy}");
        assert!(policy.ends_with("frame-ancestors 'none'; base-uri 'none'"), "{policy}");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "same-origin");
    }
}

#[tokio::test]
async fn markup_in_any_parameter_is_text() {
    let service = Service::start().await;
    let uris = [REDIRECT, "https://app.example/cb?a='b'"];
    service.add_client("shop-app", true, "orders:read", &uris).await;
    let markup = "\"'><script>alert(1)</script>";
    for name in ["state", "scope", "client_id", "redirect_uri", "code_challenge", "response_type", "nonce"] {
        let query = with(authorization("shop-app"), name, markup);
        for answer in [service.show(&query).await, service.submit(&query, markup, "wrong password").await] {
            assert!(!answer.body.contains("<script") && !answer.body.contains("\"'>"), "{name}: {}", answer.body);
            assert!(!answer.header("location").contains(['<', '"', '\'']), "{name}: {answer:?}");
        }
    }
    let page = service.submit(&authorization("shop-app"), markup, "wrong password").await;
    assert!(page.body.contains("value=\"&quot;&#39;&gt;&lt;script&gt;"), "{}", page.body);
    let page = service.show(&with(authorization("shop-app"), "redirect_uri", uris[1])).await;
    assert!(page.body.contains("?a=&#39;b&#39;&amp;error="), "{}", page.body);
}

#[tokio::test]
async fn another_site_cannot_sign_anybody_in() {
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(authorization("shop-app")).finish();
    let path = format!("/oauth/authorize?{query}");
    let form = [("email", "ada@example.com"), ("password", PASSWORD)];
    let from = async |headers: &[(&str, &str)]| {
        let request = service.form(&path, &form);
        Answer::to(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    };
    let foreign: [&[(&str, &str)]; 6] = [
        &[],
        &[("origin", "null")],
        &[("origin", "https://evil.example")],
        &[("sec-fetch-site", "cross-site")],
        &[("origin", "http://tests"), ("sec-fetch-site", "same-site")],
        &[("origin", "http://tests"), ("origin", "https://evil.example")],
    ];
    for headers in foreign {
        let answer = from(headers).await;
        assert_eq!((answer.status, answer.header("location")), (403, ""), "{headers:?}");
    }
    assert_eq!(from(&[("origin", "http://tests")]).await.status, 303);
    assert_eq!(from(&[("sec-fetch-site", "same-origin")]).await.status, 303);
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_are_the_same() {
    // Its statements are told to whoever listens before the service is there.
    let (known, unknown) = (Trace::begin(), Trace::begin());
    let service = Service::start().await;
    service.add_app("shop-app").await;
    service.register("ada@example.com").await;
    let attempt = async |trace: &Trace, email: &str| {
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(authorization("shop-app")).finish();
        let form =
            service.form(&format!("/oauth/authorize?{query}"), &[("email", email), ("password", "wrong password")]);
        let page = Answer::to(form.header("origin", "http://tests").header("traceparent", trace.traceparent())).await;
        trace.span(SpanKind::Server, "POST /oauth/authorize").await;
        let statements: Vec<_> = trace.spans().into_iter().filter(|span| span.kind == SpanKind::Client).collect();
        (page, statements.into_iter().map(|span| span.name).collect::<Vec<_>>())
    };
    let (wrong, its_statements) = attempt(&known, "ada@example.com").await;
    let (nobody, other_statements) = attempt(&unknown, "eve@example.com").await;
    assert_eq!((wrong.status, nobody.status), (401, 401));
    assert_eq!(wrong.body.replace("ada@", "eve@"), nobody.body);
    assert!(wrong.body.contains("role=\"alert\"") && wrong.body.contains("value=\"ada@example.com\""));
    assert!(!wrong.body.contains("wrong password\""), "{}", wrong.body);
    assert_eq!(its_statements, other_statements);
    assert!(its_statements.len() >= 4, "{its_statements:?}");
}
