//! Which statements a call takes: in a process of its own, since there is one ear for what a process tells.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "../api/harness.rs"]
#[allow(dead_code, reason = "these are a few of many tests of the service")]
mod harness;

use harness::{Person, Service, refusal};
use opentelemetry::trace::{FutureExt, SpanKind};
use proto::users::v1 as pb;
use testkit::told::Trace;
use tonic::Code;

/// The statements of a call of users, and what it answers.
async fn statements<T>(trace: &Trace, call: &str, answer: impl Future<Output = T>) -> (Vec<String>, T) {
    let answer = answer.with_context(trace.context()).await;
    trace.span(SpanKind::Server, &format!("users.v1.UsersService/{call}")).await;
    let spans = trace.spans().into_iter().filter(|span| span.attribute("db.system.name").is_some());
    (spans.map(|span| span.name).collect(), answer)
}

/// Those of an attempt to sign in with a wrong password.
async fn of_a_wrong_password(trace: &Trace, service: &Service, email: &str) -> Vec<String> {
    let password = "wrong password".to_owned();
    let credentials = pb::SignInRequest { email: email.to_owned(), password };
    let mut client = service.client.clone();
    let (statements, answer) = statements(trace, "SignIn", client.sign_in(credentials)).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unauthenticated);
    statements
}

#[tokio::test]
async fn a_wrong_password_takes_the_statements_that_an_unknown_account_takes() {
    let (known, unknown) = (Trace::begin(), Trace::begin());
    let service = Service::start().await;
    service.register("ada@example.com").await;
    let wrong = of_a_wrong_password(&known, &service, "ada@example.com").await;
    assert_eq!(wrong, of_a_wrong_password(&unknown, &service, "eve@example.com").await);
    assert!(wrong.len() >= 3, "{wrong:?}");
}

#[tokio::test]
async fn ones_own_account_is_there_if_it_is_found() {
    let [getting, updating, deleting] = [(); 3].map(|()| Trace::begin());
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let id = ada.user.id.as_str();
    let (got, answer) = statements(&getting, "GetUser", ada.get(id)).await;
    assert_eq!(got, ["SELECT users"]);
    let grace = pb::User { display_name: "Grace".to_owned(), ..answer.unwrap() };
    let update = ada.update(id, grace, &["display_name"], "*");
    let (updated, answer) = statements(&updating, "UpdateUser", update).await;
    assert_eq!(
        (updated.len(), answer.unwrap().display_name.as_str()),
        (3, "Grace"),
        "begin, write, commit: {updated:?}"
    );
    let (deleted, answer) = statements(&deleting, "DeleteUser", ada.delete(id)).await;
    assert_eq!((deleted.len(), answer.unwrap()), (4, ()), "begin, delete, tell, commit: {deleted:?}");
}

#[tokio::test]
async fn who_asks_for_another_account_has_to_have_one() {
    let [there, gone] = [(); 2].map(|()| Trace::begin());
    let service = Service::start().await;
    let ada = service.register("ada@example.com").await;
    service.register("eve@example.com").await;
    service.sql("update users set is_admin = true where email = 'eve@example.com'").await;
    let eve = Person::known(&service, ada.clone(), service.sign_in("eve@example.com").await);
    let (statements_there, answer) = statements(&there, "GetUser", eve.get(&ada.id)).await;
    assert_eq!((statements_there.len(), answer.unwrap()), (2, ada.clone()), "{statements_there:?}");
    service.sql("delete from users where email = 'eve@example.com'").await;
    let (statements_gone, answer) = statements(&gone, "GetUser", eve.get(&ada.id)).await;
    assert_eq!((statements_gone.len(), refusal(answer).0), (1, Code::Unauthenticated), "{statements_gone:?}");
}
