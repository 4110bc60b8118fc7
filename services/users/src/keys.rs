//! The keys that sign access tokens: one after the other, each known to everybody before its first token and until its
//! last one is over. They are kept in the database, sealed with a secret that is not.

mod seal;

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use arc_swap::ArcSwap;
use identity::{Grant, Issuer, JwkSet, Signer, SignerError, Verifier};
use settings::Secret;

use self::seal::Seal;
use crate::{
    audit,
    store::{SealedKey, Store},
};

/// Replicas read the keys so often. It is also how late one of them may learn whose turn it is.
pub const BETWEEN_READS: Duration = Duration::from_secs(20);

/// From its publication to a key's first token: every replica has read it by then, and every copy of the published set
/// is too old to be used.
const NOTICE: Duration = Duration::from_secs(60);

/// How long the published set may be kept. With a read in between it stays below the notice.
pub const FRESH: Duration = Duration::from_secs(30);

/// From the first token of a key to the end of the last one of the key before: a late replica, the life of a token, and
/// what clocks may differ.
const FAREWELL: Duration = Duration::from_secs(20 + 300 + 60);

/// The keys as this replica knows them. Copies share them.
#[derive(Clone)]
pub struct Keys {
    store: Store,
    seal: Arc<Seal>,
    issuer: Issuer,
    /// How long each one signs.
    turn: Duration,
    current: Arc<ArcSwap<Current>>,
    verifier: Verifier,
}

struct Current {
    signer: Signer,
    published: JwkSet,
}

impl Keys {
    /// Those of the database, or a first one where there is none. Replicas that start together get the same.
    ///
    /// Errors: the secret is not the one that the keys were sealed with.
    pub async fn open(store: Store, secret: &Secret, issuer: Issuer, turn: Duration) -> anyhow::Result<Self> {
        let seal = Seal::new(secret)?;
        if store.signing_keys(turn).await?.is_empty() {
            let (id, sealed) = new_key(&seal)?;
            store.insert_first_key(&id, &sealed).await?;
        }
        let current = current(&seal, store.signing_keys(turn).await?)?;
        let verifier = Verifier::of_issuer(&issuer, &current.published);
        let current = Arc::new(ArcSwap::from_pointee(current));
        Ok(Self { store, seal: Arc::new(seal), issuer, turn, current, verifier })
    }

    /// An access token, by the key whose turn it is.
    pub fn sign(&self, grant: &Grant) -> Result<String, SignerError> {
        self.current.load().signer.sign(&self.issuer, grant)
    }

    /// What others verify our tokens with.
    pub fn published(&self) -> JwkSet {
        self.current.load().published.clone()
    }

    /// Verifies our own tokens, always with the keys of the moment.
    pub fn verifier(&self) -> Verifier {
        self.verifier.clone()
    }

    /// Makes the next key when the newest has had its turn, forgets what nobody needs, and reads what there is.
    pub async fn keep(&self) -> anyhow::Result<()> {
        let keys = self.store.signing_keys(self.turn).await?;
        if let Some(newest) = keys.first().filter(|newest| newest.is_due) {
            self.add_after(newest).await?;
        }
        self.store.delete_old_keys(FAREWELL).await?;
        let current = current(&self.seal, self.store.signing_keys(self.turn).await?)?;
        self.verifier.set_keys(&current.published);
        self.current.store(Arc::new(current));
        Ok(())
    }

    /// Makes the next key now. Whether it was us: of several who do it at once, one does.
    pub async fn rotate(&self) -> anyhow::Result<bool> {
        let keys = self.store.signing_keys(self.turn).await?;
        self.add_after(keys.first().context("there is no signing key")?).await
    }

    async fn add_after(&self, newest: &SealedKey) -> anyhow::Result<bool> {
        let (id, sealed) = new_key(&self.seal)?;
        let added = self.store.insert_next_key((&id, &sealed), newest.generation, NOTICE).await?;
        if added {
            audit::key_rotated(&id);
        }
        Ok(added)
    }
}

fn new_key(seal: &Seal) -> anyhow::Result<(String, Vec<u8>)> {
    let key = Signer::generate()?;
    let id = Signer::from_pkcs8(&key)?.id().to_owned();
    let sealed = seal.close(&id, key)?;
    Ok((id, sealed))
}

/// The newest key whose turn has come signs; a first one does in any case. `keys` are the newest first.
fn current(seal: &Seal, keys: Vec<SealedKey>) -> anyhow::Result<Current> {
    let turn = keys.iter().position(|key| key.signs).unwrap_or(keys.len().saturating_sub(1));
    let signers = keys.into_iter().map(|key| {
        let opened = seal.open(&key.id, key.sealed);
        let opened = opened.context("KEY_SECRET is not the secret that the signing key was sealed with")?;
        anyhow::Ok(Signer::from_pkcs8(&opened)?)
    });
    let signers = signers.collect::<anyhow::Result<Vec<_>>>()?;
    let published = JwkSet { keys: signers.iter().map(Signer::public_key).collect() };
    let signer = signers.into_iter().nth(turn).context("there is no signing key")?;
    Ok(Current { signer, published })
}
