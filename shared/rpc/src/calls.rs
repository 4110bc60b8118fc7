//! Calls as they are told, on both sides: by the semantic conventions for RPC (1.42, release candidate).

use std::sync::Arc;

use opentelemetry::{Context, KeyValue, StringValue, trace::SpanKind};
use telemetry::{CALL_SECONDS, Operation, Operations};
use tonic::Code;

/// Those that a server answers, or those that a client makes to one peer.
pub(crate) struct Calls {
    operations: Operations,
    peer: Option<KeyValue>,
}

impl Calls {
    /// That come in.
    pub fn answered() -> Self {
        let operations = Operations::new("rpc", SpanKind::Server, "rpc.server.call.duration", CALL_SECONDS);
        Self { operations, peer: None }
    }

    /// That go out to `peer`.
    pub fn made(peer: KeyValue) -> Self {
        let operations = Operations::new("rpc", SpanKind::Client, "rpc.client.call.duration", CALL_SECONDS);
        Self { operations, peer: Some(peer) }
    }

    /// One begins; `method` is nothing where nobody knows it.
    pub fn begin(&self, method: Option<&Arc<str>>, parent: &Context) -> Operation {
        // A caller may make up any number of methods.
        let method = method.map_or_else(|| "_OTHER".into(), |method| StringValue::from(method.clone()));
        let mut attributes = Vec::with_capacity(5);
        attributes.push(KeyValue::new("rpc.system.name", "grpc"));
        attributes.push(KeyValue::new("rpc.method", method.clone()));
        attributes.extend(self.peer.clone());
        self.operations.begin(method.as_str().to_owned(), parent, attributes)
    }
}

/// Ends a stream that whoever read it has gone away from, as everybody may.
pub(crate) fn left(operation: Operation) {
    operation.succeed(Some(outcome(Code::Cancelled)));
}

/// Ends one that the server answered: an error is what the server is to blame for.
pub(crate) fn answered(operation: Operation, code: Code) {
    match code {
        Code::Unknown
        | Code::DeadlineExceeded
        | Code::Unimplemented
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => operation.fail(Some(outcome(code)), name(code)),
        _ => operation.succeed(Some(outcome(code))),
    }
}

/// Ends one that a client made: an error is everything but success.
pub(crate) fn heard(operation: Operation, code: Code) {
    match code {
        Code::Ok => operation.succeed(Some(outcome(code))),
        _ => operation.fail(Some(outcome(code)), name(code)),
    }
}

fn outcome(code: Code) -> KeyValue {
    KeyValue::new("rpc.response.status_code", name(code))
}

/// As the conventions write it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
