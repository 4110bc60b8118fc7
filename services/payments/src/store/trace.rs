//! The trace that a payment is a part of, as its columns keep it while nobody works on it.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;

/// `traceparent` and `tracestate`.
pub struct Trace {
    pub parent: Option<String>,
    pub state: Option<String>,
}

impl Trace {
    /// That of what is being done.
    pub fn current() -> Self {
        let mut headers = HeaderMap::new();
        telemetry::inject(&Context::current(), &mut headers);
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Self { parent: text("traceparent"), state: text("tracestate").filter(|state| !state.is_empty()) }
    }

    /// To go on with.
    pub fn context(&self) -> Context {
        let headers = [("traceparent", &self.parent), ("tracestate", &self.state)];
        let headers = headers.into_iter().filter_map(|(name, value)| {
            let value = HeaderValue::from_str(value.as_deref()?).ok()?;
            Some((HeaderName::from_static(name), value))
        });
        telemetry::extract(&headers.collect())
    }
}
