//! The parameters of a request, from a query or a form.

use axum::{
    body::Bytes,
    http::{HeaderMap, header::CONTENT_TYPE},
};
use identity::Scopes;

use crate::refusal::Refusal;

/// In the order in which they came; one without a value is none (RFC 6749, section 3.1).
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub fn parse(text: &[u8]) -> Self {
        let all = form_urlencoded::parse(text).into_owned();
        Self(all.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Those of a form, of which none may come twice: one could be checked, and the other used.
    pub fn of_form(headers: &HeaderMap, body: &Bytes) -> Result<Self, Refusal> {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refusal::InvalidRequest("the body must be application/x-www-form-urlencoded"));
        }
        let form = Self::parse(body);
        match form.has_repeated() {
            true => Err(Refusal::InvalidRequest("a parameter comes more than once")),
            false => Ok(form),
        }
    }

    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    pub fn get(&self, name: &str, missing: &'static str) -> Result<&str, Refusal> {
        self.find(name).ok_or(Refusal::InvalidRequest(missing))
    }

    pub fn is_repeated(&self, name: &str) -> bool {
        self.0.iter().filter(|(it, _)| it == name).count() > 1
    }

    pub fn has_repeated(&self) -> bool {
        self.0.iter().any(|(name, _)| self.is_repeated(name))
    }

    /// None asked for is an empty set.
    pub fn scopes(&self) -> Result<Scopes, Refusal> {
        self.find("scope").unwrap_or_default().parse().map_err(|_| Refusal::InvalidScope)
    }
}
