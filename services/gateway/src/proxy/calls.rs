//! Requests of ours to a service, as they are told: by the semantic conventions for HTTP clients.

use std::sync::Arc;

use axum::http::{Request, Response, uri::Authority};
use opentelemetry::{
    Context, KeyValue,
    trace::{FutureExt, SpanKind},
};
use telemetry::{CALL_SECONDS, Operation, Operations, http::method};

/// Those that go to one service.
#[derive(Clone)]
pub struct Calls(Arc<Operations>);

impl Calls {
    pub fn new() -> Self {
        let metric = "http.client.request.duration";
        Self(Arc::new(Operations::new("http", SpanKind::Client, metric, CALL_SECONDS)))
    }

    /// Sends one to this instance, as a part of the trace that we are in.
    pub async fn make<B, R, E, F>(
        &self,
        instance: &Authority,
        mut request: Request<B>,
        send: impl FnOnce(Request<B>) -> F,
    ) -> Result<Response<R>, E>
    where
        F: Future<Output = Result<Response<R>, E>>,
    {
        let operation = self.begin(instance, &request);
        telemetry::inject(operation.context(), request.headers_mut());
        let answer = send(request).with_context(operation.context().clone()).await;
        end(operation, answer.as_ref().ok());
        answer
    }

    fn begin<B>(&self, instance: &Authority, request: &Request<B>) -> Operation {
        let method = method(request.method());
        let attributes = vec![
            KeyValue::new("http.request.method", method),
            KeyValue::new("server.address", instance.host().to_owned()),
            KeyValue::new("server.port", i64::from(instance.port_u16().unwrap_or(80))),
        ];
        Context::map_current(|caller| self.0.begin(method, caller, attributes))
    }
}

fn end<R>(operation: Operation, answer: Option<&Response<R>>) {
    let Some(answer) = answer else { return operation.fail(None, "connection") };
    let status = answer.status();
    let code = KeyValue::new("http.response.status_code", i64::from(status.as_u16()));
    match status.is_client_error() || status.is_server_error() {
        true => operation.fail(Some(code), status.as_str().to_owned()),
        false => operation.succeed(Some(code)),
    }
}
