//! The pages that a person sees: the one to sign in, and the one that says why not. No script, nothing from elsewhere.

use std::sync::LazyLock;

use axum::{
    http::{
        HeaderName, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS},
    },
    response::{Html, IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};

use super::request::Request;
use crate::domain::digest;

const STYLE: &str = "
:root { color-scheme: light dark; font: 100%/1.5 system-ui, sans-serif; }
body { max-width: 22rem; margin: 10vh auto; padding: 0 1rem; }
label { display: block; margin-top: 1rem; }
input, button { box-sizing: border-box; width: 100%; padding: .6rem; font: inherit; }
button { margin: 1.5rem 0 1rem; cursor: pointer; }
[role=alert] { border-left: .3rem solid #c33; padding-left: .7rem; }
";

/// The one style that the policy allows.
static STYLE_HASH: LazyLock<String> = LazyLock::new(|| BASE64_STANDARD.encode(digest(STYLE)));

/// What is on the page to sign in.
pub struct SignIn<'a> {
    pub request: &'a Request,
    /// As it was typed before.
    pub email: &'a str,
    pub problem: Option<&'static str>,
}

pub fn sign_in(status: StatusCode, page: SignIn<'_>) -> Response {
    let SignIn { request, email, problem } = page;
    let authorization = &request.authorization;
    let client = escaped(authorization.client.id.as_str());
    let scopes: String = authorization.scopes.iter().map(|scope| format!("<li>{}</li>\n", in_words(scope))).collect();
    let problem = problem.map_or(String::new(), |problem| format!("<p role=\"alert\">{problem}</p>\n"));
    let (email, cancel) = (escaped(email), escaped(&request.reply.denial()));
    let body = format!(
        r#"<h1>Sign in</h1>
{problem}<p><strong>{client}</strong> would like to:</p>
<ul>
{scopes}</ul>
<form method="post">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="username" required value="{email}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button type="submit">Sign in and allow</button>
</form>
<p><a href="{cancel}">Cancel</a></p>"#
    );
    page_with(status, "Sign in", &body, &request.reply.policy_source())
}

pub fn refusal(status: StatusCode, message: &'static str) -> Response {
    page_with(
        status,
        "This cannot be done",
        &format!("<h1>This cannot be done</h1>\n<p role=\"alert\">{message}</p>"),
        "",
    )
}

/// `form_target` is where the answer to the form may lead: browsers follow no redirect of a form that the policy does
/// not name.
fn page_with(status: StatusCode, title: &str, body: &str, form_target: &str) -> Response {
    let html = format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title} – Joist</title>
<style>{STYLE}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"#
    );
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self' {form_target}; frame-ancestors 'none'; \
         base-uri 'none'",
        *STYLE_HASH
    );
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_SECURITY_POLICY, &policy),
        (X_FRAME_OPTIONS, "DENY"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CACHE_CONTROL, "no-store"),
        // The query goes nowhere else. With `no-referrer` browsers would not say where the form comes from either.
        (REFERRER_POLICY, "same-origin"),
    ];
    (status, headers, Html(html)).into_response()
}

fn in_words(scope: &str) -> String {
    match scope {
        "admin" => "do everything that an administrator may".to_owned(),
        "orders:read" => "see your orders".to_owned(),
        "orders:write" => "order for you, and cancel orders".to_owned(),
        "users:read" => "see your account".to_owned(),
        "users:write" => "change your account, and delete it".to_owned(),
        other => escaped(other),
    }
}

/// Text that is text wherever it stands, between tags or in an attribute's quotes.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_is_markup() {
        assert_eq!(escaped(r#"<a href="x" id='y'>&"#), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;");
    }
}
