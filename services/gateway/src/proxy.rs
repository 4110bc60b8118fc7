//! The reverse proxy to what services publish over HTTP themselves: these paths and no others.

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Uri, header, uri::PathAndQuery},
    response::{IntoResponse, Response},
    routing::any,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rpc::{
    Peer,
    status::{caused_by, unavailable},
};

use crate::{Backends, extract::whole_body, problem::Problem};

/// Served by users.
const PATHS: [&str; 1] = ["/.well-known/jwks.json"];

/// What concerns one connection only (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The way to one service's HTTP port.
#[derive(Clone)]
pub struct Proxy {
    client: Client<HttpConnector, Body>,
    upstream: Uri,
}

impl Proxy {
    pub fn new(peer: &Peer) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), upstream: peer.uri().clone() }
    }

    async fn forward(&self, request: Request) -> Result<Response, Problem> {
        let (parts, body) = request.into_parts();
        // First, or a body that breaks off or is too large would look like the upstream's failure.
        let body = whole_body(Request::from_parts(parts.clone(), body)).await?;
        let mut request = Request::from_parts(parts, Body::from(body));
        *request.uri_mut() = self.target(request.uri());
        // The client sets its own for the upstream.
        request.headers_mut().remove(header::HOST);
        strip_hop_by_hop(request.headers_mut());
        *request.version_mut() = http::Version::HTTP_11;
        let response = self.client.request(request).await.map_err(unreachable)?;
        let mut response = response.into_response();
        strip_hop_by_hop(response.headers_mut());
        Ok(response)
    }

    fn target(&self, uri: &Uri) -> Uri {
        let mut target = self.upstream.clone().into_parts();
        target.path_and_query = uri.path_and_query().cloned().or(Some(PathAndQuery::from_static("/")));
        Uri::from_parts(target).expect("a peer's scheme and authority and a request's path are a URI")
    }
}

pub fn router() -> Router<Backends> {
    PATHS.iter().fold(Router::new(), |router, path| router.route(path, any(to_users)))
}

async fn to_users(State(backends): State<Backends>, request: Request) -> Result<Response, Problem> {
    backends.users_http.forward(request).await
}

/// The connection's own headers, and those that it names.
fn strip_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|names| names.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in HOP_BY_HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

fn unreachable(error: hyper_util::client::legacy::Error) -> Problem {
    caused_by(unavailable("not available now"), error).into()
}
