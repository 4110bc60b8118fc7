//! Tokens that are good, and not good for this.

use std::collections::BTreeSet;

use identity::Subject;
use proto::users::v1 as pb;
use testkit::{Tokens, contract};
use tonic::Code;
use uuid::Uuid;

use crate::harness::{Service, refusal};

const SCOPES: [&str; 5] = ["admin", "orders:read", "orders:write", "users:read", "users:write"];

/// Every call that is not public, and the scope that it asks for.
const CALLS: [(&str, Option<&str>); 4] = [
    ("users.v1.UsersService/ConfirmAccount", None),
    ("users.v1.UsersService/GetUser", Some("users:read")),
    ("users.v1.UsersService/UpdateUser", Some("users:write")),
    ("users.v1.UsersService/DeleteUser", Some("users:write")),
];

/// What a call with this token comes to, whose message says nothing.
async fn call(service: &Service, method: &str, authorization: Option<&str>) -> Option<Code> {
    let channel = testkit::channel(service.grpc, proto::FILE_DESCRIPTOR_SET);
    contract::call(&channel, method, authorization).await.err().map(|status| status.code())
}

/// A service that believes an outside issuer as well, which may give every scope.
async fn start_with_outside(tokens: &Tokens) -> Service {
    let (issuer, jwks) = (&tokens.config.issuer.token_issuer, tokens.jwks_url());
    let scopes = SCOPES.join(",");
    let outside = format!("issuer={issuer} jwks={jwks} audience=tests algorithm=ES256 scopes={scopes}");
    Service::start_with(|config| config.outside_issuers = vec![outside.parse().unwrap()]).await
}

#[tokio::test]
async fn without_its_scope_no_call_is_allowed_whatever_else_the_token_allows() {
    let tokens = Tokens::issuer().await;
    let service = start_with_outside(&tokens).await;
    for (method, scope) in CALLS {
        assert_eq!(call(&service, method, None).await, Some(Code::Unauthenticated), "{method}");
        let Some(scope) = scope else { continue };
        let others = SCOPES.into_iter().filter(|other| *other != scope).collect::<Vec<_>>().join(" ");
        for scopes in [&others, ""] {
            let bearer = tokens.bearer_with(Subject::User(Uuid::now_v7()), scopes);
            assert_eq!(call(&service, method, Some(&bearer)).await, Some(Code::PermissionDenied), "{method}");
        }
    }
}

#[tokio::test]
async fn these_are_all_the_calls_that_are_not_public() {
    let public = ["users.v1.UsersService/Register", "users.v1.UsersService/SignIn"];
    let known: BTreeSet<_> = CALLS.iter().map(|call| call.0).chain(public).map(ToOwned::to_owned).collect();
    assert_eq!(contract::methods(proto::FILE_DESCRIPTOR_SET, "users.v1.UsersService"), known);
    let service = Service::start().await;
    for method in public {
        let code = call(&service, method, Some("Bearer nonsense")).await;
        // An empty message is no account, and no sign-in.
        assert!(matches!(code, Some(Code::InvalidArgument | Code::Unauthenticated)), "{method}: {code:?}");
    }
}

#[tokio::test]
async fn whoever_has_an_account_can_have_it_confirmed() {
    let service = Service::start().await;
    let ada = service.person("ada@example.com").await;
    let mut client = service.client.clone();
    client.confirm_account(ada.request(pb::ConfirmAccountRequest {})).await.unwrap();
    ada.delete(&ada.user.id).await.unwrap();
    let answer = client.confirm_account(ada.request(pb::ConfirmAccountRequest {})).await;
    assert_eq!(refusal(answer).0, Code::Unauthenticated);
}

#[tokio::test]
async fn whoever_has_deleted_the_account_may_ask_for_nothing_any_more() {
    let service = Service::start().await;
    let (ada, eve) = (service.person("ada@example.com").await, service.person("eve@example.com").await);
    ada.delete(&ada.user.id).await.unwrap();
    for id in [&ada.user.id, &eve.user.id, &Uuid::now_v7().to_string()] {
        assert_eq!(refusal(ada.get(id).await).0, Code::Unauthenticated);
        assert_eq!(refusal(ada.update(id, pb::User::default(), &[], "*").await).0, Code::Unauthenticated);
        assert_eq!(refusal(ada.delete(id).await).0, Code::Unauthenticated);
    }
    assert_eq!(eve.get(&eve.user.id).await.unwrap(), eve.user);
}
