//! A server that lets in whom its policy names, and nobody else.

use std::net::SocketAddr;

use identity::{
    Access::{AnyCaller, Public, Scope},
    Policy, Subject, Verifier,
};
use rpc::{Server, ServerConfig};
use testkit::{Tokens, contract};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Request, Response};
use uuid::Uuid;

use super::{
    echo::{COLLECT, DESCRIPTORS, Echo, READ, WRITE},
    fleet::Caller,
};

const POLICY: Policy = &[
    ("echo.v1.Echo/Read", Public),
    ("echo.v1.Echo/Write", Scope("write")),
    ("echo.v1.Echo/Watch", AnyCaller),
    ("echo.v1.Echo/Collect", AnyCaller),
];

/// Says who has called.
fn telling() -> Echo {
    Echo::new(|_, request| async move { Ok(Response::new(rpc::caller(&request)?.subject().to_string())) })
}

struct Guarded {
    echo: Echo,
    tokens: Tokens,
    address: SocketAddr,
    caller: Caller,
}

impl Guarded {
    async fn start() -> Self {
        let tokens = Tokens::issuer().await;
        let verifier =
            Verifier::new(&tokens.config, &discovery::Registry::in_process(), &identity::Mesh::plain()).unwrap();
        Self::start_with(tokens, verifier).await
    }

    async fn start_with(tokens: Tokens, verifier: Verifier) -> Self {
        let echo = telling();
        let (listener, address) = testkit::listener().await;
        let server = server().guarded(verifier, POLICY).with(echo.clone());
        tokio::spawn(server.serve(listener, CancellationToken::new()));
        Self { echo, tokens, address, caller: Caller::at(address) }
    }

    /// Calls with these values of `authorization`.
    async fn call(&self, path: &'static str, authorizations: &[&str]) -> Result<String, (Code, String)> {
        let mut request = Request::new(String::new());
        for authorization in authorizations {
            request.metadata_mut().append("authorization", authorization.parse().unwrap());
        }
        let answer = self.caller.call(path, request).await;
        answer.map(Response::into_inner).map_err(|status| (status.code(), status.message().to_owned()))
    }
}

fn server() -> Server {
    Server::new(&ServerConfig::default(), &DESCRIPTORS)
}

fn required() -> Result<String, (Code, String)> {
    Err((Code::Unauthenticated, "an access token is required".to_owned()))
}

fn invalid() -> Result<String, (Code, String)> {
    Err((Code::Unauthenticated, "the access token is not valid".to_owned()))
}

#[tokio::test]
async fn a_caller_is_known_where_a_token_is_asked_for() {
    let server = Guarded::start().await;
    let id = Uuid::now_v7();
    let bearer = server.tokens.bearer_with(Subject::User(id), "write");
    assert_eq!(server.call(WRITE, &[&bearer]).await, Ok(id.to_string()));
    assert_eq!(server.call(WRITE, &[]).await, required());
    assert_eq!(server.echo.calls(), 1);
}

#[tokio::test]
async fn a_public_method_has_no_caller_whatever_comes_along() {
    let server = Guarded::start().await;
    let bearer = server.tokens.bearer(Uuid::now_v7());
    for authorizations in [&[][..], &["Bearer nonsense"], &[&bearer]] {
        // The method itself is reached, and asks who has called.
        assert_eq!(server.call(READ, authorizations).await, required());
    }
    assert_eq!(server.echo.calls(), 3);
}

#[tokio::test]
async fn a_token_that_does_not_allow_it_is_refused() {
    let server = Guarded::start().await;
    for scopes in ["", "read", "writer admin", "WRITE"] {
        let bearer = server.tokens.bearer_with(Subject::User(Uuid::now_v7()), scopes);
        let expected = Err((Code::PermissionDenied, "the access token does not allow this".to_owned()));
        assert_eq!(server.call(WRITE, &[&bearer]).await, expected, "{scopes}");
    }
    assert_eq!(server.echo.calls(), 0);
}

#[tokio::test]
async fn a_token_is_enough_where_no_scope_is_asked_for() {
    let server = Guarded::start().await;
    let bearer = server.tokens.bearer_with(Subject::Client("tests".to_owned()), "");
    assert_eq!(server.call(COLLECT, &[]).await, required());
    assert_eq!(server.echo.calls(), 0);
    // The stream is another request to the echo, which has lost its caller.
    let _ = server.call(COLLECT, &[&bearer]).await;
    assert_eq!(server.echo.calls(), 1);
}

#[tokio::test]
async fn no_more_than_one_token_is_taken() {
    let server = Guarded::start().await;
    let bearer = server.tokens.bearer_with(Subject::User(Uuid::now_v7()), "write");
    assert_eq!(server.call(WRITE, &[&bearer, &bearer]).await, invalid());
    assert_eq!(server.call(WRITE, &[&bearer, "Bearer nonsense"]).await, invalid());
    assert_eq!(server.call(WRITE, &[&format!("{bearer},{bearer}")]).await, invalid());
}

#[tokio::test]
async fn a_token_that_is_none_is_refused() {
    let server = Guarded::start().await;
    for strange in ["", "Bearer", "Basic YWRhOmFkYQ==", "Bearer a.b.c", &format!("Bearer {}", "x".repeat(5000))] {
        assert_eq!(server.call(WRITE, &[strange]).await, invalid(), "{strange}");
    }
    assert_eq!(server.echo.calls(), 0);
}

#[tokio::test]
async fn who_cannot_be_verified_now_may_try_again() {
    let mut tokens = Tokens::issuer().await;
    let bearer = tokens.bearer(Uuid::now_v7());
    // Where nobody listens.
    tokens.config.token_jwks_url = "http://127.0.0.1:1/keys".parse().unwrap();
    let verifier = Verifier::new(&tokens.config, &discovery::Registry::in_process(), &identity::Mesh::plain()).unwrap();
    let server = Guarded::start_with(tokens, verifier).await;
    let expected = Err((Code::Unavailable, "access tokens cannot be verified now".to_owned()));
    assert_eq!(server.call(WRITE, &[&bearer]).await, expected);
}

#[tokio::test]
async fn a_method_that_is_not_in_the_policy_is_not_there() {
    let server = Guarded::start().await;
    let channel = testkit::channel(server.address, &DESCRIPTORS);
    let bearer = server.tokens.bearer(Uuid::now_v7());
    let strange =
        ["echo.v1.Echo/Forgotten", "/echo.v1.Echo/Read", "echo.v1.Echo/Read/", "echo.v1.Echo/read", "echo/Read"];
    for method in strange {
        let status = contract::call(&channel, method, Some(&bearer)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented, "{method}");
    }
    assert_eq!(server.echo.calls(), 0);
}

#[tokio::test]
async fn health_and_reflection_are_for_everyone() {
    let server = Guarded::start().await;
    let channel = testkit::channel(server.address, tonic_health::pb::FILE_DESCRIPTOR_SET);
    contract::call(&channel, "grpc.health.v1.Health/Check", None).await.unwrap();
}

#[tokio::test]
async fn a_policy_that_is_not_the_one_of_the_services_serves_nobody() {
    let complaint = async |policy: Policy| {
        let tokens = Tokens::issuer().await;
        let verifier =
            Verifier::new(&tokens.config, &discovery::Registry::in_process(), &identity::Mesh::plain()).unwrap();
        let (listener, _) = testkit::listener().await;
        let server = server().guarded(verifier, policy).with(Echo::plain());
        server.serve(listener, CancellationToken::new()).await.unwrap_err().to_string()
    };
    assert!(complaint(&POLICY[1..]).await.contains(r#"says nothing of ["echo.v1.Echo/Read"]"#));
    let (read, write) = (("echo.v1.Echo/Read", Public), ("echo.v1.Echo/Write", Public));
    let (watch, collect) = (("echo.v1.Echo/Watch", Public), ("echo.v1.Echo/Collect", Public));
    let other: Policy = Box::leak(Box::new([read, write, watch, collect, ("echo.v1.Echo/Gone", Public)]));
    assert!(complaint(other).await.contains(r#"speaks of ["echo.v1.Echo/Gone"]"#));
    let twice: Policy = Box::leak(Box::new([read, write, watch, collect, ("echo.v1.Echo/Read", AnyCaller)]));
    assert!(complaint(twice).await.contains("two entries"));
}
