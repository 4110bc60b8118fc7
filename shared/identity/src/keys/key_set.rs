//! Keys by their ids, each good for one algorithm.

use std::{collections::HashMap, sync::Arc};

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use tokio::time::Instant;

use super::Found;

/// No honest issuer's key has a longer id, in bytes.
pub(crate) const MAX_KEY_ID: usize = 256;

/// What an issuer has published at some moment.
#[derive(Default)]
pub(super) struct KeySet {
    pub fetched: Option<Instant>,
    /// Another one for every set that differs from the one before.
    pub generation: u64,
    published: JwkSet,
    by_id: Arc<HashMap<String, Arc<DecodingKey>>>,
}

impl KeySet {
    pub fn find(&self, id: &str) -> Option<Found> {
        Some(Found { key: self.by_id.get(id)?.clone(), generation: self.generation })
    }

    /// The next one, which is of the same generation if nothing has changed.
    pub fn followed_by(&self, keys: &JwkSet, algorithm: Algorithm) -> Self {
        let fetched = Some(Instant::now());
        if self.fetched.is_some() && self.published == *keys {
            return Self { fetched, generation: self.generation, published: keys.clone(), by_id: self.by_id.clone() };
        }
        let by_id = keys.keys.iter().filter_map(|key| usable(key, algorithm)).collect();
        Self { fetched, generation: self.generation + 1, published: keys.clone(), by_id: Arc::new(by_id) }
    }
}

/// Keys without an id, for something else, or of a kind that this algorithm has no use for, are nobody's. A shared secret
/// among them would let whoever reads the set issue tokens.
fn usable(key: &Jwk, algorithm: Algorithm) -> Option<(String, Arc<DecodingKey>)> {
    let id = key.common.key_id.as_ref().filter(|id| id.len() <= MAX_KEY_ID)?;
    let signs = key.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
    let fits = key.common.key_algorithm.is_none_or(|named| named.to_string() == format!("{algorithm:?}"));
    let decoding = DecodingKey::from_jwk(key).ok()?;
    (signs && fits && decoding.family() == algorithm.family()).then(|| (id.clone(), Arc::new(decoding)))
}
