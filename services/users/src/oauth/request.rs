//! What a program asks of a person, and where the answer goes (RFC 6749, section 4.1.1).

use axum::{
    http::{
        HeaderName, StatusCode,
        header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY},
    },
    response::{IntoResponse, Response},
};
use settings::Secret;
use url::{Origin, Url};

use super::{AuthorizationServer, answer::Failure, page, parameters::Parameters};
use crate::{
    app::Authorization,
    domain::{Challenge, Client, permissions},
    error::Error,
    refusal::Refusal,
};

/// A request that can be put to a person.
pub struct Request {
    pub authorization: Authorization,
    pub reply: Reply,
}

/// How the program is answered: through the browser.
pub struct Reply {
    redirect_uri: String,
    state: Option<String>,
    issuer: String,
}

/// Why nothing is put to anybody.
pub enum Unanswerable {
    /// It is not known where it would be safe to send the browser, so that the person is told.
    Here(&'static str),
    /// The program is told.
    There(Reply, &'static str, String),
    Failed(Error),
}

impl Request {
    pub async fn read(server: &AuthorizationServer, query: &str) -> Result<Self, Unanswerable> {
        let parameters = Parameters::parse(query.as_bytes());
        let client = client(server, &parameters).await?;
        let reply = Reply::read(server, &client, &parameters)?;
        match authorization(client, &reply.redirect_uri, &parameters) {
            Ok(authorization) => Ok(Self { authorization, reply }),
            Err((code, description)) => Err(Unanswerable::There(reply, code, description)),
        }
    }
}

async fn client(server: &AuthorizationServer, parameters: &Parameters) -> Result<Client, Unanswerable> {
    let unknown = Unanswerable::Here("The program that sent you here is not known.");
    let id = parameters.find("client_id").filter(|_| !parameters.is_repeated("client_id"));
    let Some(id) = id else { return Err(unknown) };
    server.app.find_client(id).await.map_err(Unanswerable::Failed)?.ok_or(unknown)
}

/// Everything that the program can be told of.
fn authorization(
    client: Client,
    redirect_uri: &str,
    parameters: &Parameters,
) -> Result<Authorization, (&'static str, String)> {
    let invalid = |description: &str| Err(("invalid_request", description.to_owned()));
    if parameters.has_repeated() {
        return invalid("a parameter comes more than once");
    }
    match parameters.find("response_type") {
        Some("code") => {}
        Some(_) => return Err(("unsupported_response_type", "there is the response type code".to_owned())),
        None => return invalid("response_type is missing"),
    }
    if parameters.find("response_mode").is_some_and(|mode| mode != "query") {
        return invalid("there is the response mode query");
    }
    if parameters.find("code_challenge_method") != Some("S256") {
        return invalid("code_challenge_method must be S256");
    }
    let Some(challenge) = parameters.find("code_challenge").and_then(Challenge::parse) else {
        return invalid("code_challenge must be a SHA-256 in base64url");
    };
    let told = |refusal: Refusal| (refusal.code(), refusal.to_string());
    let scopes = permissions::granted(&parameters.scopes().map_err(told)?, &client.scopes);
    match scopes.is_empty() {
        true => Err(told(Refusal::InvalidScope)),
        false => Ok(Authorization { client, redirect_uri: redirect_uri.to_owned(), scopes, challenge }),
    }
}

impl Reply {
    fn read(server: &AuthorizationServer, client: &Client, parameters: &Parameters) -> Result<Self, Unanswerable> {
        let uri = parameters.find("redirect_uri").filter(|_| !parameters.is_repeated("redirect_uri"));
        let redirect_uri = uri.filter(|uri| client.redirects_to(uri));
        let redirect_uri = redirect_uri.ok_or(Unanswerable::Here(
            "The program that sent you here wants you to be sent to a place that is not its own.",
        ))?;
        let state = parameters.find("state").filter(|_| !parameters.is_repeated("state"));
        Ok(Self {
            redirect_uri: redirect_uri.to_owned(),
            state: state.map(str::to_owned),
            issuer: server.issuer.as_ref().to_owned(),
        })
    }

    pub fn code(&self, code: &Secret) -> Response {
        self.redirect(&[("code", code.expose())])
    }

    pub fn error(&self, code: &str, description: &str) -> Response {
        self.redirect(&[("error", code), ("error_description", description)])
    }

    /// Where somebody is sent who would rather not.
    pub fn denial(&self) -> String {
        self.location(&[("error", "access_denied")])
    }

    /// As a content security policy names it. It has no word for an address of IPv6 in brackets.
    pub fn policy_source(&self) -> String {
        match Url::parse(&self.redirect_uri) {
            Ok(url) if self.redirect_uri.starts_with("http://[") => format!("{}:", url.scheme()),
            Ok(url) => match url.origin() {
                origin @ Origin::Tuple(..) => origin.ascii_serialization(),
                Origin::Opaque(_) => format!("{}:", url.scheme()),
            },
            Err(_) => String::new(),
        }
    }

    /// 303: the browser forgets the form, and the password in it (RFC 9700, section 4.12).
    fn redirect(&self, answer: &[(&str, &str)]) -> Response {
        let headers: [(HeaderName, String); 3] = [
            (LOCATION, self.location(answer)),
            (CACHE_CONTROL, "no-store".to_owned()),
            (REFERRER_POLICY, "no-referrer".to_owned()),
        ];
        (StatusCode::SEE_OTHER, headers).into_response()
    }

    /// The redirect URI to the letter, with more to its query.
    fn location(&self, answer: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(answer);
        query.extend_pairs(self.state.as_deref().map(|state| ("state", state)));
        query.append_pair("iss", &self.issuer);
        let separator = if self.redirect_uri.contains('?') { '&' } else { '?' };
        format!("{}{separator}{}", self.redirect_uri, query.finish())
    }
}

impl IntoResponse for Unanswerable {
    fn into_response(self) -> Response {
        match self {
            Self::Here(message) => page::refusal(StatusCode::BAD_REQUEST, message),
            Self::There(reply, code, description) => reply.error(code, &description),
            Self::Failed(error) => {
                let failure = Failure::of(error);
                let page = page::refusal(failure.status, "This is not possible now. Please try again in a while.");
                failure.told(page)
            }
        }
    }
}
