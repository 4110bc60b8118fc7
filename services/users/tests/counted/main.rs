//! Which statements signing in takes: in a process of its own, since there is one ear for what a process tells.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "../api/harness.rs"]
#[allow(dead_code, reason = "these are a few of many tests of the service")]
mod harness;

use harness::Service;
use opentelemetry::trace::{FutureExt, SpanKind};
use proto::users::v1 as pb;
use testkit::told::Trace;
use tonic::Code;

const CALL: &str = "users.v1.UsersService/SignIn";

/// The statements of an attempt to sign in with a wrong password.
async fn statements(trace: &Trace, service: &Service, email: &str) -> Vec<String> {
    let password = "wrong password".to_owned();
    let credentials = pb::SignInRequest { email: email.to_owned(), password };
    let mut client = service.client.clone();
    let answer = client.sign_in(credentials).with_context(trace.context()).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unauthenticated);
    trace.span(SpanKind::Server, CALL).await;
    let statements = trace.spans().into_iter().filter(|span| span.kind == SpanKind::Client && span.name != CALL);
    statements.map(|span| span.name).collect()
}

#[tokio::test]
async fn a_wrong_password_takes_the_statements_that_an_unknown_account_takes() {
    let (known, unknown) = (Trace::begin(), Trace::begin());
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let wrong = statements(&known, &service, "ada@example.com").await;
    assert_eq!(wrong, statements(&unknown, &service, "eve@example.com").await);
    assert!(wrong.len() >= 3, "{wrong:?}");
}
