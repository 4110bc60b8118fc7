//! One issuer and what its tokens must be like.

use std::sync::Arc;

use jsonwebtoken::{Algorithm, Header, Validation, decode, jwk::JwkSet};
use tonic::metadata::MetadataValue;
use uuid::Uuid;

use crate::{
    Caller, Error, Issuer, Outside, OutsideIssuer, Scopes, Subject,
    caller::Known,
    claims::{Said, TOKEN_TYPE},
    keys::{Found, Keys, MAX_KEY_ID, Source},
    verified::Verified,
};

/// Clocks of different machines differ by less than this many seconds.
pub(crate) const LEEWAY: u64 = 30;

/// What our own issuer signs with.
const OUR_ALGORITHM: Algorithm = Algorithm::ES256;

/// No issuer's name for a person or a program is longer, in characters (OpenID Connect Core, section 2).
const MAX_NAME: usize = 255;

/// An issuer that is believed: by its keys, its algorithm and its audience alone.
pub(crate) struct TrustedIssuer {
    pub name: String,
    pub keys: Arc<Keys>,
    validation: Validation,
    /// The most that an outside issuer may give; none for our own, who may give everything.
    most: Option<Scopes>,
}

impl TrustedIssuer {
    /// Our own, as others know it.
    pub fn our_own(issuer: &Issuer, source: Source) -> Self {
        Self::ours(issuer, Keys::published(source, OUR_ALGORITHM))
    }

    /// Our own, as it knows itself.
    pub fn itself(issuer: &Issuer, keys: &JwkSet) -> Self {
        Self::ours(issuer, Keys::known(keys, OUR_ALGORITHM))
    }

    fn ours(issuer: &Issuer, keys: Keys) -> Self {
        let validation = validation(&issuer.token_issuer, &issuer.token_audience, OUR_ALGORITHM);
        Self { name: issuer.token_issuer.clone(), keys: Arc::new(keys), validation, most: None }
    }

    /// Somebody else.
    ///
    /// Errors: this machine has no root certificates.
    pub fn outside(issuer: &OutsideIssuer) -> anyhow::Result<Self> {
        let OutsideIssuer { issuer: name, jwks, audience, algorithm, scopes } = issuer.clone();
        let keys = Keys::published(Source::at(jwks)?, algorithm);
        let validation = validation(&name, &audience, algorithm);
        Ok(Self { name, keys: Arc::new(keys), validation, most: Some(scopes) })
    }

    /// Judges a token with this header, which claims to be of this issuer.
    pub async fn verify(self: &Arc<Self>, token: &str, header: &Header) -> Result<Verified, Error> {
        let Found { key, generation } = self.keys.find(self.key_id(header)?).await?;
        let said = decode::<Said>(token, &key, &self.validation).map_err(|_| Error::Invalid)?.claims;
        let expires = said.exp as i64;
        let caller = self.caller(said, token)?;
        Ok(Verified { caller, expires, issuer: self.clone(), generation })
    }

    /// Of a token that is of the right kind. What else its header says of keys, or where to find them, is not read: anyone
    /// can write it.
    fn key_id<'a>(&self, header: &'a Header) -> Result<&'a str, Error> {
        let kind = header.typ.as_deref().unwrap_or_default();
        // RFC 9068, section 4: with the prefix, too.
        let kind = kind
            .split_at_checked("application/".len())
            .map_or(kind, |(prefix, rest)| if prefix.eq_ignore_ascii_case("application/") { rest } else { kind });
        let expected = kind.eq_ignore_ascii_case(TOKEN_TYPE)
            && self.validation.algorithms.contains(&header.alg)
            // Whatever it is that must be understood, we do not (RFC 7515, section 4.1.11).
            && header.crit.is_none();
        let key_id = header.kid.as_deref().filter(|id| expected && id.len() <= MAX_KEY_ID);
        key_id.ok_or(Error::Invalid)
    }

    fn caller(&self, said: Said, token: &str) -> Result<Caller, Error> {
        let client_id = said.client_id.or(said.azp).map(name).transpose()?.unwrap_or_default();
        let scopes: Scopes = said.scope.parse().map_err(|_| Error::Invalid)?;
        let mut authorization: MetadataValue<_> = format!("Bearer {token}").parse().map_err(|_| Error::Invalid)?;
        authorization.set_sensitive(true);
        let known = match &self.most {
            None => Known { subject: subject(said.sub, &client_id)?, client_id, scopes, outside: None, authorization },
            Some(most) => {
                let outside = Outside { issuer: self.name.clone(), subject: name(said.sub)? };
                let subject = Subject::User(outside.account());
                Known { subject, client_id, scopes: scopes.and(most), outside: Some(outside), authorization }
            }
        };
        Ok(Caller::new(known))
    }
}

/// Short enough for a column and a line of a log, and nothing that would be something else there.
fn name(text: String) -> Result<String, Error> {
    let is_name = (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if is_name { Ok(text) } else { Err(Error::Invalid) }
}

fn validation(issuer: &str, audience: &str, algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_issuer(&[issuer]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}

/// A program that acts in its own name is its own subject (RFC 9068, section 2.2); any other subject is an account.
fn subject(sub: String, client_id: &str) -> Result<Subject, Error> {
    match Uuid::try_parse(&sub) {
        Ok(id) => Ok(Subject::User(id)),
        Err(_) if sub == client_id && !sub.is_empty() => Ok(Subject::Client(sub)),
        Err(_) => Err(Error::Invalid),
    }
}
