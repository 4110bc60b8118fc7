//! A call as its trace tells it: a span of the client, and within it one of the server.

use std::future::pending;

use http::uri::PathAndQuery;
use opentelemetry::trace::{FutureExt, SpanKind, Status as Outcome};
use telemetry::Operations;
use testkit::told::{self, Span, Trace};
use tonic::{Code, Request, Response, Status, client::Grpc};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_prost::ProstCodec;

use super::{
    echo::Echo,
    fleet::{Caller, Fleet, dead_address, generous, until},
};

const READS: &str = "echo.v1.Echo/Read";
const WRITES: &str = "echo.v1.Echo/Write";
const WATCHES: &str = "echo.v1.Echo/Watch";

/// A caller of one instance, which both tell of their calls.
async fn told_of(echo: &Echo) -> Caller {
    told::listen();
    Caller::of(echo).await
}

/// Every code but success: as the conventions write it, and whether the server is to blame.
const FAILURES: [(Code, &str, bool); 16] = [
    (Code::Cancelled, "CANCELLED", false),
    (Code::Unknown, "UNKNOWN", true),
    (Code::InvalidArgument, "INVALID_ARGUMENT", false),
    (Code::DeadlineExceeded, "DEADLINE_EXCEEDED", true),
    (Code::NotFound, "NOT_FOUND", false),
    (Code::AlreadyExists, "ALREADY_EXISTS", false),
    (Code::PermissionDenied, "PERMISSION_DENIED", false),
    (Code::ResourceExhausted, "RESOURCE_EXHAUSTED", false),
    (Code::FailedPrecondition, "FAILED_PRECONDITION", false),
    (Code::Aborted, "ABORTED", false),
    (Code::OutOfRange, "OUT_OF_RANGE", false),
    (Code::Unimplemented, "UNIMPLEMENTED", true),
    (Code::Internal, "INTERNAL", true),
    (Code::Unavailable, "UNAVAILABLE", true),
    (Code::DataLoss, "DATA_LOSS", true),
    (Code::Unauthenticated, "UNAUTHENTICATED", false),
];

fn code(span: &Span) -> Option<&str> {
    span.attribute("rpc.response.status_code")
}

fn error(span: &Span) -> Option<&str> {
    span.attribute("error.type")
}

#[tokio::test]
async fn a_call_continues_the_trace_of_its_caller_on_both_sides() {
    let (caller, trace) = (told_of(&Echo::plain()).await, Trace::begin());
    let operation = Operations::new("test", SpanKind::Internal, "test.duration", &[]);
    let page = operation.begin("a page", &trace.context(), Vec::new());
    caller.read("hello").with_context(page.context().clone()).await.unwrap();
    page.succeed(None);

    let page = trace.span(SpanKind::Internal, "a page").await;
    let client = trace.span(SpanKind::Client, READS).await;
    let server = trace.span(SpanKind::Server, READS).await;
    assert_eq!((page.parent, client.parent, server.parent), (trace.root(), page.id, client.id));
    for span in [&client, &server] {
        assert_eq!(span.attribute("rpc.system.name"), Some("grpc"));
        assert_eq!((span.attribute("rpc.method"), code(span), error(span)), (Some(READS), Some("OK"), None));
        assert_eq!(span.status, Outcome::Unset);
    }
    assert_eq!((client.attribute("server.address"), server.attribute("server.address")), (Some("echo"), None));
    assert_eq!(trace.spans().len(), 3);
}

#[tokio::test]
async fn what_a_handler_calls_in_its_turn_is_a_part_of_its_call() {
    let further = told_of(&Echo::plain()).await;
    let handler = Echo::new(move |_, request| {
        let further = further.clone();
        async move { further.write(&request.into_inner()).await.map(Response::new) }
    });
    let (caller, trace) = (told_of(&handler).await, Trace::begin());
    caller.read("hello").with_context(trace.context()).await.unwrap();
    let server = trace.span(SpanKind::Server, READS).await;
    assert_eq!(trace.span(SpanKind::Client, WRITES).await.parent, server.id);
}

#[tokio::test]
async fn a_caller_blames_the_server_for_everything_and_the_server_itself_only_for_its_own_part() {
    for (failure, name, is_the_servers) in FAILURES {
        let (caller, trace) = (told_of(&Echo::failing(move || Status::new(failure, "no"))).await, Trace::begin());
        caller.write("").with_context(trace.context()).await.unwrap_err();
        let client = trace.span(SpanKind::Client, WRITES).await;
        assert_eq!((code(&client), error(&client)), (Some(name), Some(name)));
        assert!(client.has_failed());
        let server = trace.span(SpanKind::Server, WRITES).await;
        assert_eq!((code(&server), error(&server)), (Some(name), is_the_servers.then_some(name)));
        assert_eq!(server.has_failed(), is_the_servers, "{name}");
    }
}

#[tokio::test]
async fn a_call_that_nobody_could_take_has_a_span_too() {
    let trace = Trace::begin();
    let fleet = Fleet::new();
    fleet.join(dead_address().await);
    fleet.caller(&generous()).write("").with_context(trace.context()).await.unwrap_err();
    let client = trace.span(SpanKind::Client, WRITES).await;
    assert_eq!((code(&client), error(&client)), (Some("UNAVAILABLE"), Some("UNAVAILABLE")));
    assert_eq!(trace.spans().len(), 1);
}

#[tokio::test]
async fn a_stream_is_told_when_it_ends() {
    let (echo, trace) = (Echo::plain(), Trace::begin());
    let mut stream = told_of(&echo).await.watch("first").with_context(trace.context()).await.unwrap();
    stream.message().await.unwrap().unwrap();
    assert!(trace.spans().is_empty(), "it is under way");
    echo.end(None);
    assert_eq!(stream.message().await.unwrap(), None);
    let client = trace.span(SpanKind::Client, WATCHES).await;
    let server = trace.span(SpanKind::Server, WATCHES).await;
    assert_eq!((client.parent, server.parent), (trace.root(), client.id));
    for span in [&client, &server] {
        assert_eq!((code(span), error(span)), (Some("OK"), None));
    }
}

#[tokio::test]
async fn a_stream_that_fails_is_told_as_a_call_that_does() {
    let (echo, trace) = (Echo::plain(), Trace::begin());
    let mut stream = told_of(&echo).await.watch("first").with_context(trace.context()).await.unwrap();
    stream.message().await.unwrap().unwrap();
    echo.end(Some(Status::data_loss("all gone")));
    assert_eq!(stream.message().await.unwrap_err().code(), Code::DataLoss);
    for kind in [SpanKind::Client, SpanKind::Server] {
        let span = trace.span(kind, WATCHES).await;
        assert_eq!((code(&span), error(&span)), (Some("DATA_LOSS"), Some("DATA_LOSS")));
    }
}

#[tokio::test]
async fn a_stream_that_does_not_even_begin_is_told_so() {
    let (caller, trace) = (told_of(&Echo::failing(|| Status::not_found("no"))).await, Trace::begin());
    caller.watch("").with_context(trace.context()).await.unwrap_err();
    assert_eq!(code(&trace.span(SpanKind::Client, WATCHES).await), Some("NOT_FOUND"));
    assert_eq!(code(&trace.span(SpanKind::Server, WATCHES).await), Some("NOT_FOUND"));
}

#[tokio::test]
async fn who_leaves_a_stream_has_not_failed() {
    let (echo, trace) = (Echo::plain(), Trace::begin());
    let caller = told_of(&echo).await;
    drop(caller.watch("first").with_context(trace.context()).await.unwrap());
    for kind in [SpanKind::Client, SpanKind::Server] {
        let span = trace.span(kind, WATCHES).await;
        assert_eq!((code(&span), error(&span)), (Some("CANCELLED"), None));
    }
}

#[tokio::test]
async fn methods_that_a_caller_makes_up_are_one() {
    let (caller, trace) = (told_of(&Echo::plain()).await, Trace::begin());
    for path in ["/echo.v1.Echo/MadeUp", "/made.up.Service/Read"] {
        caller.call(path, Request::new(String::new())).with_context(trace.context()).await.unwrap_err();
    }
    let servers: Vec<_> = trace.spans().into_iter().filter(|span| span.kind == SpanKind::Server).collect();
    assert_eq!(servers.len(), 2);
    for server in servers {
        assert_eq!((server.name.as_str(), server.attribute("rpc.method")), ("_OTHER", Some("_OTHER")));
        assert_eq!((code(&server), error(&server)), (Some("UNIMPLEMENTED"), Some("UNIMPLEMENTED")));
    }
}

#[tokio::test]
async fn questions_about_health_leave_no_trace_on_a_server() {
    let (caller, trace) = (told_of(&Echo::plain()).await, Trace::begin());
    let health = async {
        let codec = ProstCodec::<HealthCheckRequest, HealthCheckResponse>::default();
        let (request, path) =
            (HealthCheckRequest::default(), PathAndQuery::from_static("/grpc.health.v1.Health/Check"));
        Grpc::new(caller.0.clone()).unary(Request::new(request), path, codec).await
    };
    health.with_context(trace.context()).await.unwrap();
    // This one comes after it, on the same connection.
    caller.read("").with_context(trace.context()).await.unwrap();
    trace.span(SpanKind::Server, READS).await;
    assert_eq!(trace.spans().iter().filter(|span| span.kind == SpanKind::Server).count(), 1);
}

#[tokio::test]
async fn a_call_that_is_given_up_was_cancelled_on_both_sides() {
    let echo = Echo::new(|_, _| pending());
    let (caller, trace) = (told_of(&echo).await, Trace::begin());
    let context = trace.context();
    let call = tokio::spawn(async move { caller.write("").with_context(context).await });
    until("the call arrives", || echo.calls() == 1).await;
    assert!(trace.spans().is_empty(), "it is under way");
    call.abort();
    for kind in [SpanKind::Client, SpanKind::Server] {
        let span = trace.span(kind, WRITES).await;
        assert_eq!((error(&span), code(&span)), (Some("cancelled"), None));
        assert!(span.has_failed());
    }
}
