//! Passwords: hashed with argon2id on threads of their own, a bounded number at a time.

use std::{num::NonZeroUsize, sync::Arc};

use argon2::{
    Argon2,
    password_hash::{Error as HashError, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{domain::Password, error::Error};

/// Hashes and verifies. Whoever comes when all places are taken waits, within its own deadline.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    nobodys_hash: Arc<str>,
}

impl Passwords {
    /// Errors: the system has no randomness.
    pub fn new(concurrency: NonZeroUsize) -> Result<Self, Error> {
        let nobodys_hash = Argon2::default().hash_password(b"nobody's password")?.to_string();
        Ok(Self { places: Arc::new(Semaphore::new(concurrency.get())), nobodys_hash: nobodys_hash.into() })
    }

    /// A PHC string with a salt of its own.
    pub async fn hash(&self, password: Password) -> Result<String, Error> {
        self.with_place(move || Ok(Argon2::default().hash_password(password.as_bytes())?.to_string())).await
    }

    /// Whether this is the password; without a hash it takes as long to say no, so that the time tells nothing.
    pub async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool, Error> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys_hash.to_string());
        self.with_place(move || {
            let hash = PasswordHash::new(&hash).map_err(HashError::from)?;
            match Argon2::default().verify_password(password.as_bytes(), &hash) {
                Ok(()) => Ok(known),
                Err(HashError::PasswordInvalid) => Ok(false),
                Err(error) => Err(error.into()),
            }
        })
        .await
    }

    async fn with_place<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.places.clone().acquire_owned().await.expect("the semaphore is never closed");
        // The place is given back when the work is done, not when the caller has lost patience.
        let work = spawn_blocking(move || {
            let _place = place;
            work()
        });
        work.await.expect("hashing does not panic")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn passwords(concurrency: usize) -> Passwords {
        Passwords::new(NonZeroUsize::new(concurrency).unwrap()).unwrap()
    }

    fn password(text: &str) -> Password {
        Password::parse(text.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn a_password_fits_its_own_hash_only() {
        let passwords = passwords(2);
        let hash = passwords.hash(password("correct horse")).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert!(passwords.verify(password("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(password("battery staple"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn the_same_password_has_another_hash_each_time() {
        let passwords = passwords(2);
        let first = passwords.hash(password("correct horse")).await.unwrap();
        assert_ne!(first, passwords.hash(password("correct horse")).await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_places_are_taken_one_waits() {
        let passwords = passwords(1);
        let place = passwords.places.clone().acquire_owned().await.unwrap();
        let waiting = tokio::time::timeout(Duration::from_secs(1), passwords.hash(password("correct horse")));
        assert!(waiting.await.is_err());
        drop(place);
        assert!(passwords.hash(password("correct horse")).await.is_ok());
    }

    #[tokio::test]
    async fn nobody_has_no_password() {
        let passwords = passwords(2);
        assert!(!passwords.verify(password("nobody's password"), None).await.unwrap());
    }
}
