//! A browser and the programs that use it: what they send to the authorization server, and what comes back.

use std::collections::HashMap;

use discovery::Registry;
use events::Bus;
use form_urlencoded::Serializer;
use reqwest::{
    Client, RequestBuilder,
    header::{CONTENT_TYPE, HeaderMap},
    redirect::Policy,
};
use serde_json::Value;
use users::{AddClient, Users};

use crate::harness::{PASSWORD, Service};

/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub const REDIRECT: &str = "https://app.example/signed-in";

/// A form or a query.
pub type Pairs<'a> = Vec<(&'a str, &'a str)>;

impl Service {
    /// A client for people: public, at `REDIRECT`, with all scopes.
    pub async fn add_app(&self, name: &str) {
        self.add_client(name, true, "admin orders:read orders:write users:read users:write", &[REDIRECT]).await;
    }

    /// A program by itself. Its secret.
    pub async fn add_machine(&self, name: &str, scope: &str) -> String {
        self.add_client(name, false, scope, &[]).await.unwrap()
    }

    pub async fn add_client(&self, name: &str, public: bool, scope: &str, uris: &[&str]) -> Option<String> {
        let redirect_uri = uris.iter().map(|uri| (*uri).to_owned()).collect();
        let client = AddClient { name: name.to_owned(), scope: scope.to_owned(), redirect_uri, public };
        let users = Users::build(&self.config, &Registry::in_process(), &Bus::in_process(&[])).await.unwrap();
        users.add_client(&client).await.unwrap().map(|secret| secret.expose().to_owned())
    }

    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let client = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        client.request(method.parse().unwrap(), format!("http://{}{path}", self.http))
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request("GET", path)).await
    }

    /// As a browser shows the page to sign in.
    pub async fn show(&self, query: &Pairs<'_>) -> Answer {
        self.get(&format!("/oauth/authorize?{}", encoded(query))).await
    }

    /// As a browser sends the form of that page.
    pub async fn submit(&self, query: &Pairs<'_>, email: &str, password: &str) -> Answer {
        let request =
            self.form(&format!("/oauth/authorize?{}", encoded(query)), &[("email", email), ("password", password)]);
        Answer::to(request.header("origin", "http://tests").header("sec-fetch-site", "same-origin")).await
    }

    pub fn form(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let request = self.request("POST", path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(encoded(form))
    }

    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        Answer::to(self.form(path, form)).await
    }

    pub async fn token(&self, form: &[(&str, &str)]) -> Answer {
        self.post("/oauth/token", form).await
    }

    /// A code for this app, of someone who has an account.
    pub async fn code(&self, app: &str, email: &str) -> String {
        let answer = self.submit(&authorization(app), email, PASSWORD).await;
        answer.location()["code"].clone()
    }

    pub async fn exchange(&self, app: &str, code: &str) -> Answer {
        self.token(&exchange(app, code)).await
    }

    pub async fn refresh(&self, client: &str, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("client_id", client), ("refresh_token", token)]).await
    }
}

/// What an app asks.
pub fn authorization(app: &str) -> Pairs<'_> {
    vec![
        ("response_type", "code"),
        ("client_id", app),
        ("redirect_uri", REDIRECT),
        ("state", "a state"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
}

pub fn exchange<'a>(app: &'a str, code: &'a str) -> Pairs<'a> {
    vec![
        ("grant_type", "authorization_code"),
        ("client_id", app),
        ("redirect_uri", REDIRECT),
        ("code", code),
        ("code_verifier", VERIFIER),
    ]
}

/// The same with another value; an empty one is as none.
pub fn with<'a>(pairs: Pairs<'a>, name: &'a str, value: &'a str) -> Pairs<'a> {
    let others = pairs.into_iter().filter(|(it, _)| *it != name);
    others.chain([(name, value)]).collect()
}

fn encoded(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub async fn to(request: RequestBuilder) -> Self {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Self { status, headers, body: answer.text().await.unwrap() }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    pub fn tokens(&self) -> HashMap<String, Value> {
        assert_eq!(self.status, 200, "{self:?}");
        assert_eq!(self.header("cache-control"), "no-store");
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    pub fn access_token(&self) -> String {
        self.tokens()["access_token"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    pub fn refresh_token(&self) -> String {
        self.tokens()["refresh_token"].as_str().unwrap().to_owned()
    }

    /// The status, and the code of RFC 6749, section 5.2.
    #[track_caller]
    pub fn error(&self) -> (u16, String) {
        assert_eq!(self.header("cache-control"), "no-store", "{self:?}");
        let body: Value = serde_json::from_str(&self.body).unwrap();
        (self.status, body["error"].as_str().unwrap().to_owned())
    }

    /// What the redirect URI is sent.
    #[track_caller]
    pub fn location(&self) -> HashMap<String, String> {
        assert_eq!(self.status, 303, "{self:?}");
        let (uri, query) = self.header("location").split_once('?').unwrap();
        assert_eq!(uri, REDIRECT);
        form_urlencoded::parse(query.as_bytes()).into_owned().collect()
    }
}
