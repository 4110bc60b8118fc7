//! Where a client stands, as it is told: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// By one limit.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The limit's name.
    pub policy: &'static str,
    /// How many requests there may be at once.
    pub burst: u32,
    /// The seconds in which there may be as many again.
    pub window: u64,
    /// How many more there may be now.
    pub left: u32,
    /// The seconds after which there may be a whole burst.
    pub until_full: u64,
    /// How long to wait, if this one was too many.
    pub wait: Option<Duration>,
}

/// By all limits that a request is subject to, in the order in which they were asked.
#[derive(Clone, Default)]
pub struct Standings(Arc<Mutex<Vec<Standing>>>);

impl Standings {
    pub fn add(&self, standing: Standing) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(standing);
    }

    pub fn tell(&self, headers: &mut HeaderMap) {
        let standings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if standings.is_empty() {
            return;
        }
        let policies = list(&standings, |it| format!("\"{}\";q={};w={}", it.policy, it.burst, it.window));
        let left = list(&standings, |it| format!("\"{}\";r={};t={}", it.policy, it.left, it.until_full));
        headers.insert(RATE_LIMIT_POLICY, policies);
        headers.insert(RATE_LIMIT, left);
    }
}

fn list(standings: &[Standing], item: impl Fn(&Standing) -> String) -> HeaderValue {
    let items: Vec<_> = standings.iter().map(item).collect();
    HeaderValue::try_from(items.join(", ")).expect("names and numbers are a header value")
}
