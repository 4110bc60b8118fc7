//! The description of the API and the page to try it.

use std::{collections::BTreeSet, io::read_to_string};

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::{
    harness::Gateway,
    who_may_call::{ROUTES, Who},
};

async fn openapi() -> Value {
    Gateway::start().await.get("/openapi.json").await.ok(200)
}

#[tokio::test]
async fn the_description_is_of_openapi_3_1() {
    let version = openapi().await["openapi"].as_str().unwrap().to_owned();
    assert!(version.starts_with("3.1."), "{version}");
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own_and_a_summary() {
    let api = openapi().await;
    let mut names = BTreeSet::new();
    for (name, operation) in operations(&api) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{name} has no operationId"));
        assert!(names.insert(id), "{id} is there twice");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn every_operation_tells_its_success_and_that_anything_else_is_a_problem() {
    let api = openapi().await;
    for route in &ROUTES {
        let responses = &api["paths"][route.path][route.method.to_lowercase()]["responses"];
        assert!(responses[route.success.to_string()].is_object(), "{} {}", route.method, route.path);
        let problem = &responses["default"]["content"]["application/problem+json"]["schema"]["properties"];
        for member in ["type", "title", "status", "detail", "reason", "errors", "request_id"] {
            assert!(problem[member].is_object(), "{} {}: {problem}", route.method, route.path);
        }
    }
}

/// OpenAPI 3.1, section 4.8.17: a response without one is none.
#[tokio::test]
async fn every_response_has_a_description() {
    let api = openapi().await;
    for (name, operation) in operations(&api) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(response["description"].is_string(), "{name}: {status}");
        }
    }
}

#[tokio::test]
async fn whatever_the_description_refers_to_is_there() {
    let api = openapi().await;
    let text = api.to_string();
    let references = text.split(r##""$ref":"#"##).skip(1).map(|rest| rest.split('"').next().unwrap());
    let references: BTreeSet<_> = references.collect();
    assert!(references.len() > 5, "{references:?}");
    for reference in references {
        assert!(api.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn a_token_is_asked_for_exactly_where_one_is_needed() {
    let api = openapi().await;
    assert_eq!(api["components"]["securitySchemes"]["access_token"], json!({"type": "http", "scheme": "bearer"}));
    assert_eq!(api.get("security"), None);
    for route in &ROUTES {
        let security = api["paths"][route.path][route.method.to_lowercase()].get("security");
        let expected = match route.who {
            Who::Anybody => None,
            Who::Allowed(scope) => Some(json!([{"access_token": [scope]}])),
        };
        assert_eq!(security, expected.as_ref(), "{}", route.name());
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let gateway = Gateway::start().await;
    let answer = gateway.get("/docs").await;
    assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some("/docs/")));
    let page = gateway.get("/docs/").await;
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert_eq!(page.header("content-encoding"), Some("gzip"));
    let page = read_to_string(GzDecoder::new(page.body.as_ref())).unwrap();
    let links: Vec<_> = ["src=\"", "href=\""].iter().flat_map(|start| page.split(start).skip(1)).collect();
    assert!(links.len() > 3, "{page}");
    for link in links {
        let link = link.split('"').next().unwrap();
        assert!(!link.contains(':') && !link.starts_with('/'), "{link}");
        assert_eq!(gateway.get(&format!("/docs/{}", link.trim_start_matches("./"))).await.status, 200, "{link}");
    }
}

#[tokio::test]
async fn the_page_shows_our_description_to_nobody_else() {
    let gateway = Gateway::start().await;
    let script = gateway.get("/docs/swagger-initializer.js").await;
    let script = String::from_utf8(script.body.to_vec()).unwrap();
    assert!(script.contains(r#""url": "/openapi.json""#), "{script}");
    assert!(!script.contains("://"), "{script}");
    // Unless it is told not to, the page has a badge from a public validator, which is sent our address.
    assert!(script.contains(r#""validatorUrl": "none""#), "{script}");
}

fn operations(api: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = api["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(move |(method, operation)| (format!("{method} {path}"), operation))
    })
}
