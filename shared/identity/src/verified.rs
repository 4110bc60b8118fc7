//! Tokens that were verified a moment ago, so that a signature is not checked for every request.

use std::{sync::Arc, time::Duration};

use moka::sync::Cache;
use time::OffsetDateTime;

use crate::{
    Caller,
    trusted::{LEEWAY, TrustedIssuer},
};

/// All that is kept together, in bytes; what is asked for least goes first.
const MAX_BYTES: u32 = 16 * 1024 * 1024;

/// No more tokens than this, however short they are.
const MAX_TOKENS: u32 = 10_000;

/// What is kept of a token besides its text: the caller's names and scopes, the links of the table.
const OVERHEAD: u32 = 512;

/// A token is kept no longer than this.
const LONGEST: Duration = Duration::from_secs(300);

/// What was found out of a token.
#[derive(Clone)]
pub(crate) struct Verified {
    pub caller: Caller,
    /// In seconds since 1970.
    pub expires: i64,
    pub issuer: Arc<TrustedIssuer>,
    /// Of the issuer's keys.
    pub generation: u64,
}

impl Verified {
    /// Whether it would still be found: a token expires, and so does a key.
    fn holds(&self) -> bool {
        let is_over = self.expires.saturating_add(LEEWAY.cast_signed()) < OffsetDateTime::now_utc().unix_timestamp();
        !is_over && self.generation == self.issuer.keys.generation()
    }
}

/// Good tokens by their text. Those that are not good are never kept: there is no end of them.
#[derive(Clone)]
pub(crate) struct VerifiedTokens(Cache<String, Verified>);

impl VerifiedTokens {
    pub fn new() -> Self {
        let cache =
            Cache::builder().max_capacity(MAX_BYTES.into()).weigher(|token: &String, _: &Verified| weight(token));
        Self(cache.time_to_live(LONGEST).build())
    }

    pub fn find(&self, token: &str) -> Option<Caller> {
        let verified = self.0.get(token)?;
        if !verified.holds() {
            self.0.invalidate(token);
            return None;
        }
        Some(verified.caller)
    }

    pub fn keep(&self, token: &str, verified: Verified) {
        self.0.insert(token.to_owned(), verified);
    }
}

/// The text is there twice: as the key, and in the caller, with whom it travels on.
fn weight(token: &str) -> u32 {
    let bytes = u32::try_from(token.len()).unwrap_or(u32::MAX).saturating_mul(2).saturating_add(OVERHEAD);
    bytes.max(MAX_BYTES / MAX_TOKENS)
}
