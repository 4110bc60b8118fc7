//! Tokens: given to programs that show a grant, renewed, and taken back.

use std::time::Duration;

use identity::{Grant, Scopes, Subject};
use settings::Secret;
use uuid::Uuid;

use super::App;
use crate::{
    audit,
    domain::{Challenge, Client, ClientId, Family, Person, digest, permissions, random},
    error::Error,
    refusal::Refusal,
    store::{NewCode, PresentedCode, Redeemed, Rotated, Rotation},
};

/// A stolen token is of use for no longer than this.
const LIFETIME: Duration = Duration::from_secs(300);

/// What a program gets.
pub struct Tokens {
    pub access_token: Secret,
    /// How long it is good.
    pub lifetime: Duration,
    /// None for a program by itself, which has its secret.
    pub refresh_token: Option<Secret>,
    pub scopes: Scopes,
}

/// What a program asks of a person.
pub struct Authorization {
    pub client: Client,
    pub redirect_uri: String,
    pub scopes: Scopes,
    pub challenge: Challenge,
}

impl App {
    /// A session of our own: all that the person may do.
    pub(super) async fn begin_session(&self, person: Person) -> Result<Tokens, Error> {
        let scopes = permissions::of_person(person.is_admin);
        let family = Family { id: Uuid::now_v7(), person, client: ClientId::joist(), scopes };
        let refresh_token = random();
        self.store.insert_family(&family, &digest(refresh_token.expose())).await?;
        audit::sign_in(person.id, &family.client);
        self.tokens_of(&family, &Scopes::default(), refresh_token)
    }

    /// A code, by which the client can have what this person grants.
    pub async fn authorize(&self, person: Person, authorization: &Authorization) -> Result<Secret, Refusal> {
        let Authorization { client, redirect_uri, scopes, challenge } = authorization;
        let scopes = scopes.and(&permissions::of_person(person.is_admin));
        if scopes.is_empty() {
            return Err(Refusal::InvalidScope);
        }
        let code = random();
        let hash = digest(code.expose());
        let new = NewCode { hash, client: &client.id, user: person.id, redirect_uri, scopes: &scopes, challenge };
        self.store.insert_code(&new).await?;
        audit::sign_in(person.id, &client.id);
        Ok(code)
    }

    pub async fn redeem_code(
        &self,
        client: &Client,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Tokens, Refusal> {
        let challenge = Challenge::of_verifier(verifier).ok_or(Refusal::InvalidGrant)?;
        let presented = PresentedCode { hash: digest(code), client: &client.id, redirect_uri, challenge: &challenge };
        let refresh_token = random();
        match self.store.redeem_code(&presented, &digest(refresh_token.expose())).await? {
            Redeemed::Granted(family) => Ok(self.tokens_of(&family, &Scopes::default(), refresh_token)?),
            Redeemed::Reused(user) => {
                audit::code_reused(user, &client.id);
                Err(Refusal::InvalidGrant)
            }
            Redeemed::Refused => Err(Refusal::InvalidGrant),
        }
    }

    pub async fn refresh(&self, client: &Client, token: &str, asked: &Scopes) -> Result<Tokens, Refusal> {
        let next = random();
        let rotation = Rotation { presented: digest(token), next: digest(next.expose()), client: &client.id, asked };
        match self.store.rotate(&rotation).await? {
            Rotated::Granted(family) => Ok(self.tokens_of(&family, asked, next)?),
            Rotated::Reused(user) => {
                audit::refresh_reused(user, &client.id);
                Err(Refusal::InvalidGrant)
            }
            Rotated::Nothing => Err(Refusal::InvalidScope),
            Rotated::Refused => Err(Refusal::InvalidGrant),
        }
    }

    /// A program in its own name.
    pub fn client_token(&self, client: &Client, asked: &Scopes) -> Result<Tokens, Refusal> {
        if !client.acts_for_itself() {
            return Err(Refusal::UnauthorizedClient);
        }
        let scopes = asked.and(&client.scopes);
        if scopes.is_empty() {
            return Err(Refusal::InvalidScope);
        }
        let subject = Subject::Client(client.id.to_string());
        let access_token = self.access_token(subject, &client.id, &scopes)?;
        audit::client_signed_in(&client.id);
        Ok(Tokens { access_token, lifetime: LIFETIME, refresh_token: None, scopes })
    }

    /// Ends all that came of the sign-in that this refresh token came of.
    pub async fn revoke(&self, client: &Client, token: &str) -> Result<(), Refusal> {
        // A JWT has dots, which no token of ours has that can be revoked.
        if token.contains('.') {
            return Err(Refusal::UnsupportedTokenType);
        }
        if let Some(user) = self.store.revoke_family_of(&digest(token), &client.id).await? {
            audit::token_revoked(user, &client.id);
        }
        Ok(())
    }

    /// Whoever is no administrator any more has what an administrator was granted no longer.
    fn tokens_of(&self, family: &Family, asked: &Scopes, refresh_token: Secret) -> Result<Tokens, Error> {
        let granted = family.scopes.and(&permissions::of_person(family.person.is_admin));
        let scopes = if asked.is_empty() { granted } else { asked.and(&granted) };
        let access_token = self.access_token(Subject::User(family.person.id.0), &family.client, &scopes)?;
        Ok(Tokens { access_token, lifetime: LIFETIME, refresh_token: Some(refresh_token), scopes })
    }

    fn access_token(&self, subject: Subject, client: &ClientId, scopes: &Scopes) -> Result<Secret, Error> {
        let grant = Grant { subject, client_id: client.to_string(), scopes: scopes.clone(), lifetime: LIFETIME };
        Ok(self.keys.sign(&grant)?.into())
    }
}
