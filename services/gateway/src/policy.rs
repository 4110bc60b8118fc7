//! Who may call what: what each route asks of a token. A route that is not in this table is not there.

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header::ALLOW},
    middleware::Next,
    response::{AppendHeaders, IntoResponse, Response},
};
use identity::{
    Access::{self, Public, Scope},
    Verifier,
};

use crate::{challenge, problem::Problem, rate_limit::RateLimits, routes::no_such_path};

/// The services behind them ask the same again, and whose the thing is that a request is about.
const ROUTES: &[(&str, &str, Access)] = &[
    ("POST", "/v1/users", Public),
    ("GET", "/v1/users/{id}", Scope("users:read")),
    ("PATCH", "/v1/users/{id}", Scope("users:write")),
    ("DELETE", "/v1/users/{id}", Scope("users:write")),
    ("POST", "/v1/sessions", Public),
    ("GET", "/v1/products", Public),
    ("GET", "/v1/products/{sku}", Public),
    ("POST", "/v1/orders", Scope("orders:write")),
    ("GET", "/v1/orders/{id}", Scope("orders:read")),
    ("GET", "/v1/orders/{id}/events", Scope("orders:read")),
    ("POST", "/v1/orders/{id}/cancel", Scope("orders:write")),
    ("GET", "/v1/users/{id}/orders", Scope("orders:read")),
    // What services publish over HTTP: they know by which methods, and whom they ask for what.
    (ANY, "/.well-known/jwks.json", Public),
    (ANY, "/.well-known/oauth-authorization-server", Public),
    (ANY, "/oauth/authorize", Public),
    (ANY, "/oauth/token", Public),
    (ANY, "/oauth/revoke", Public),
    // The description, and the page to try it.
    ("GET", "/openapi.json", Public),
    ("GET", "/docs", Public),
    ("GET", "/docs/", Public),
    ("GET", "/docs/{*rest}", Public),
];

/// Whatever the method.
const ANY: &str = "*";

/// What is asked at the gate: who it is, and whether that is too often.
#[derive(Clone)]
pub struct Gate {
    pub verifier: Verifier,
    pub rate_limits: RateLimits,
}

/// Lets a request in or not, before anything of its body is read. Handlers find out by `Caller` who it is.
pub async fn authorize(
    State(gate): State<Gate>,
    route: MatchedPath,
    mut request: Request,
    next: Next,
) -> Result<Response, Response> {
    let access = access(request.method(), route.as_str())?;
    if !access.is_public() {
        let caller = gate.verifier.caller(request.headers()).await.map_err(challenge::unproven)?;
        let admitted = gate.rate_limits.admit_user(request.extensions(), caller.subject());
        admitted.map_err(Problem::into_response)?;
        let what = format_args!("{} {}", request.method(), route.as_str());
        access.judge(&caller, what).map_err(challenge::denied)?;
        request.extensions_mut().insert(caller);
    }
    Ok(next.run(request).await)
}

fn access(method: &Method, route: &str) -> Result<Access, Response> {
    // A HEAD is answered like a GET, but for the body (RFC 9110, section 9.3.2).
    let method = if method == Method::HEAD { &Method::GET } else { method };
    let entries = || ROUTES.iter().filter(|(_, path, _)| *path == route);
    let entry = entries().find(|(entry, ..)| *entry == method.as_str() || *entry == ANY);
    entry.map(|(.., access)| *access).ok_or_else(|| not_here(method, entries().map(|(method, ..)| *method)))
}

fn not_here<'a>(method: &Method, possible: impl Iterator<Item = &'a str>) -> Response {
    let possible: Vec<_> = possible.map(|method| if method == "GET" { "GET,HEAD" } else { method }).collect();
    if possible.is_empty() {
        return no_such_path().into_response();
    }
    let allow = HeaderValue::try_from(possible.join(",")).expect("methods and commas are a header value");
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED).detail(format!("{method} is not possible here"));
    (AppendHeaders([(ALLOW, allow)]), problem).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use axum::{Router, body::Body, middleware::from_fn_with_state, routing::any};
    use identity::{Issuer, JwkSet};
    use serde_json::{Value, json};
    use tower::ServiceExt;

    use super::*;
    use crate::{proxy, rate_limit::RateLimitConfig, routes};

    fn description() -> Value {
        serde_json::to_value(routes::described().1).unwrap()
    }

    /// Method, path and operation.
    fn operations(api: &Value) -> impl Iterator<Item = (String, &str, &Value)> {
        let paths = api["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().iter();
            methods.map(move |(method, operation)| (method.to_uppercase(), path.as_str(), operation))
        })
    }

    #[test]
    fn every_operation_has_an_entry_and_names_its_scope() {
        let api = description();
        for (method, path, operation) in operations(&api) {
            let entry = ROUTES.iter().find(|entry| entry.0 == method && entry.1 == path);
            let (.., access) = entry.unwrap_or_else(|| panic!("the policy says nothing of {method} {path}"));
            let expected = match access {
                Public => None,
                Access::AnyCaller => Some(json!([{"access_token": []}])),
                Scope(scope) => Some(json!([{"access_token": [scope]}])),
            };
            assert_eq!(operation.get("security"), expected.as_ref(), "{method} {path}");
        }
    }

    #[test]
    fn every_path_of_the_proxy_has_an_entry() {
        for path in proxy::PATHS {
            assert!(ROUTES.iter().any(|entry| entry.1 == path), "the policy says nothing of {path}");
        }
    }

    #[test]
    fn an_entry_is_there_once_and_for_something() {
        let entries: BTreeSet<_> = ROUTES.iter().map(|(method, path, _)| (*method, *path)).collect();
        assert_eq!(entries.len(), ROUTES.len());
        let api = description();
        let described: BTreeSet<_> = operations(&api).map(|(method, path, _)| (method, path.to_owned())).collect();
        for (method, path) in entries.iter().filter(|(_, path)| path.starts_with("/v1/")) {
            assert!(described.contains(&((*method).to_owned(), (*path).to_owned())), "{method} {path}");
        }
    }

    #[tokio::test]
    async fn a_route_that_is_not_in_the_table_is_not_there() {
        let issuer = Issuer { token_issuer: "tests".to_owned(), token_audience: "tests".to_owned() };
        let verifier = Verifier::of_issuer(&issuer, &JwkSet { keys: Vec::new() });
        let open = any(async || "open to everyone");
        let router = Router::new().route("/v1/forgotten", open.clone()).route("/v1/products", open);
        let gate = Gate { verifier, rate_limits: RateLimits::new(RateLimitConfig::default()) };
        let router = router.route_layer(from_fn_with_state(gate, authorize));
        let send = async |method: &str, path: &str| {
            let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
            router.clone().oneshot(request).await.unwrap().status()
        };
        assert_eq!(send("GET", "/v1/forgotten").await, 404);
        assert_eq!(send("DELETE", "/v1/products").await, 405);
        assert_eq!(send("GET", "/v1/products").await, 200);
    }
}
