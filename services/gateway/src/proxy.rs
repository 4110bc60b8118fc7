//! The reverse proxy to what services publish over HTTP themselves: these paths and no others.

mod body;
mod calls;
mod headers;

use std::{sync::Arc, time::Duration};

use axum::{
    RequestExt, Router,
    body::Body,
    extract::{Request, State},
    http::{Uri, request::Parts, uri::Authority},
    response::{IntoResponse, Response},
    routing::any,
};
use discovery::HttpInstances;
use hyper_util::{
    client::legacy::{Client, Error},
    rt::TokioExecutor,
};
use identity::mesh::Connector;
use rpc::status::{caused_by, unavailable};
use tower_http::timeout::TimeoutBody;

use self::{body::Passing, calls::Calls};
use crate::{Backends, problem::Problem};

/// Served by users.
pub const PATHS: [&str; 5] = [
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/oauth/authorize",
    "/oauth/token",
    "/oauth/revoke",
];

/// An answer that has begun may pause for so long; the route's deadline is for its beginning.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The way to one service's HTTP ports.
#[derive(Clone)]
pub struct Proxy {
    client: Client<Connector, Passing>,
    calls: Calls,
    instances: HttpInstances,
}

impl Proxy {
    pub fn new(instances: HttpInstances, connector: Connector) -> Self {
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Self { client, calls: Calls::new(), instances }
    }

    /// To one instance after the other, until one has taken the request.
    async fn forward(&self, request: Request) -> Result<Response, Problem> {
        let (mut head, body) = request.with_limited_body().into_parts();
        headers::go_inwards(&mut head);
        let body = Passing::new(body);
        let mut refusal = None;
        for instance in self.instances.wait().await {
            let request = addressed(&head, &instance, &body);
            match self.calls.make(&instance, request, |request| self.client.request(request)).await {
                Ok(response) => return Ok(answer(response)),
                Err(error) if may_be_repeated(&head, &body, &error) => refusal = Some(error),
                Err(error) => return Err(body.problem().unwrap_or_else(|| unreachable(error))),
            }
        }
        Err(refusal.map_or_else(|| unavailable("not available now").into(), unreachable))
    }
}

pub fn router() -> Router<Arc<Backends>> {
    PATHS.iter().fold(Router::new(), |router, path| router.route(path, any(to_users)))
}

async fn to_users(State(backends): State<Arc<Backends>>, request: Request) -> Result<Response, Problem> {
    backends.users_http.forward(request).await
}

fn addressed(head: &Parts, instance: &Authority, body: &Passing) -> http::Request<Passing> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = Uri::builder().scheme("http").authority(instance.clone()).path_and_query(path).build();
    let mut request = http::Request::new(body.clone());
    *request.method_mut() = head.method.clone();
    *request.uri_mut() = uri.expect("an authority and a request's path are a URI");
    *request.headers_mut() = head.headers.clone();
    request
}

/// What was never sent can be sent elsewhere, and so can what has no effect twice (RFC 9110, section 9.2.2).
fn may_be_repeated(head: &Parts, body: &Passing, error: &Error) -> bool {
    !body.has_begun() && (error.is_connect() || head.method.is_idempotent())
}

fn answer(response: http::Response<hyper::body::Incoming>) -> Response {
    let mut response = response.map(|body| Body::new(TimeoutBody::new(BODY_TIMEOUT, body))).into_response();
    headers::strip_hop_by_hop(response.headers_mut());
    response
}

fn unreachable(error: Error) -> Problem {
    caused_by(unavailable("not available now"), error).into()
}
