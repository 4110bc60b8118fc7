//! The routes, their description, and what is said where there is none.

mod orders;
mod products;
mod sessions;
mod shapes;
mod users;

use std::sync::Arc;

use axum::{Router, http::StatusCode};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        self,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{
    Backends,
    problem::{FieldError, Problem},
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Joist", description = "A small shop: accounts, a catalogue, orders.", version = "1"),
    tags((name = "accounts"), (name = "catalogue"), (name = "orders")),
    // The problem that every operation has refers to it, which utoipa does not see.
    components(schemas(FieldError)),
    modifiers(&AccessToken)
)]
struct Api;

/// `POST /v1/sessions` gives it.
struct AccessToken;

impl Modify for AccessToken {
    fn modify(&self, api: &mut openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        api.components.get_or_insert_default().add_security_scheme("access_token", scheme);
    }
}

pub fn router() -> Router<Arc<Backends>> {
    let (router, api) = described();
    // Unless it is told not to, the page shows our address to a public validator.
    let page = SwaggerUi::new("/docs").config(Config::default().validator_url("none"));
    router.merge(page.url("/openapi.json", api)).fallback(async || no_such_path())
}

pub fn described() -> (Router<Arc<Backends>>, openapi::OpenApi) {
    OpenApiRouter::with_openapi(Api::openapi())
        .merge(users::router())
        .merge(sessions::router())
        .merge(products::router())
        .merge(orders::router())
        .split_for_parts()
}

/// It is not said again which: the log has it too, and it may be anything.
pub fn no_such_path() -> Problem {
    Problem::new(StatusCode::NOT_FOUND).detail("there is nothing at this path")
}
