//! The authorization server (RFC 6749, as RFC 9700 would have it): its endpoints, as a program or a browser sees them.

mod answer;
mod authorize;
mod client;
mod metadata;
mod page;
mod parameters;
mod request;
mod revoke;
mod token;

use std::{net::IpAddr, sync::Arc};

use anyhow::{Context, ensure};
use axum::{
    Router,
    http::HeaderMap,
    routing::{get, post},
};
use identity::Issuer;
use url::Url;

use crate::app::App;

/// The service, with the name under which the public knows it.
#[derive(Clone)]
pub struct AuthorizationServer {
    pub app: App,
    /// To the letter as tokens have it.
    issuer: Arc<str>,
    /// What browsers call it.
    origin: Arc<str>,
}

impl AuthorizationServer {
    /// Errors: the issuer is no address of ours that a browser could go to.
    pub fn new(app: App, issuer: &Issuer) -> anyhow::Result<Self> {
        let issuer = issuer.token_issuer.as_str();
        let url = Url::parse(issuer).with_context(|| format!("TOKEN_ISSUER {issuer:?} is not a URL"))?;
        let origin = url.origin().ascii_serialization();
        ensure!(url.has_host() && origin == issuer, "TOKEN_ISSUER {issuer:?} must be like https://shop.example");
        Ok(Self { app, issuer: issuer.into(), origin: origin.into() })
    }

    /// Where the public finds this path.
    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}

pub fn router() -> Router<AuthorizationServer> {
    Router::new()
        .route("/.well-known/oauth-authorization-server", get(metadata::show))
        .route("/oauth/authorize", get(authorize::show).post(authorize::sign_in))
        .route("/oauth/token", post(token::issue))
        .route("/oauth/revoke", post(revoke::revoke))
}

/// Who is at the other end of the gateway, which alone says so.
fn address(headers: &HeaderMap) -> Option<IpAddr> {
    headers.get("x-forwarded-for")?.to_str().ok()?.parse().ok()
}
